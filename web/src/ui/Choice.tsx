import { useId } from 'react';

interface Props<T extends string> {
  label: string;
  about?: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange(value: T): void;
}

/** A few exclusive options side by side: radio buttons that look like one control. */
export function Choice<T extends string>({ label, about, value, options, onChange }: Props<T>) {
  const name = useId();
  return (
    <fieldset className="choice">
      <legend>{label}</legend>
      {about && <p className="muted choice-about">{about}</p>}
      <div className="segments">
        {options.map(([option, text]) => (
          <label key={option} className="segment">
            <input type="radio" name={name} checked={value === option} onChange={() => onChange(option)} />
            <span>{text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
