import { type FormEvent, useCallback, useId, useState } from 'react';
import { useCommands } from '../app/commands';
import { useSettings } from '../settings/store';
import { displayInstant, nowNs, parseInstant, type Zone } from '../time/instant';
import { isRelative, isValidBound, PRESETS, type RangeText, rangeLabel, resolveRange } from '../time/range';
import { Choice } from '../ui/Choice';
import { Icon } from '../ui/Icon';
import { Popover } from '../ui/Popover';

interface Props {
  range: RangeText;
  zone: Zone;
  onRange(range: RangeText): void;
  onZone(zone: Zone): void;
}

/** The time button and its panel: presets, two fields (the keyboard twin of the brush), local time or UTC. */
export function TimePicker({ range, zone, onRange, onZone }: Props) {
  const [open, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  const keep = useSettings((settings) => settings.set);
  useCommands({ timePicker: () => setOpen(true) });
  const choose = (next: RangeText) => {
    onRange({ from: next.from, to: next.to });
    close();
  };
  const label = rangeLabel(range, zone);
  return (
    <Popover
      open={open}
      onClose={close}
      label="Time range"
      align="end"
      trigger={
        <button
          type="button"
          className="button time-button"
          aria-expanded={open}
          aria-haspopup="dialog"
          onClick={() => setOpen(!open)}
          title="Time range (t)"
        >
          <Icon name="clock" />
          <span className="time-label">{label}</span>
          {zone === 'utc' && <span className="chip">UTC</span>}
          <Icon name="down" size={12} />
        </button>
      }
    >
      <div className="time-panel">
        <ul className="preset-list" aria-label="Presets">
          {PRESETS.map((preset, i) => (
            <li key={preset.from}>
              <button
                type="button"
                className="menu-item"
                aria-pressed={preset.from === range.from && preset.to === range.to}
                onClick={() => choose(preset)}
              >
                <span>{preset.label}</span>
                <kbd aria-hidden="true">{i + 1}</kbd>
              </button>
            </li>
          ))}
        </ul>
        <div className="time-exact">
          <ExactRange key={`${range.from} ${range.to} ${zone}`} range={range} zone={zone} onApply={choose} />
          <Choice
            label="Clock"
            value={zone}
            onChange={(chosen) => {
              keep({ zone: chosen });
              onZone(chosen);
            }}
            options={[
              ['local', 'Local'],
              ['utc', 'UTC'],
            ]}
          />
        </div>
      </div>
    </Popover>
  );
}

function ExactRange({ range, zone, onApply }: { range: RangeText; zone: Zone; onApply(range: RangeText): void }) {
  const shown = (text: string) => {
    const instant = isRelative(text) || text === 'all' ? null : parseInstant(text);
    return instant === null ? text : displayInstant(instant, zone, 0);
  };
  const [from, setFrom] = useState(shown(range.from));
  const [to, setTo] = useState(shown(range.to));
  const [problem, setProblem] = useState<{ field: 'from' | 'to'; text: string } | null>(null);
  const id = useId();

  const apply = (event: FormEvent) => {
    event.preventDefault();
    const bounds = { from: normalise(from, zone), to: normalise(to, zone) };
    for (const field of ['from', 'to'] as const) {
      if (!isValidBound(bounds[field])) {
        setProblem({ field, text: 'Write a time such as 2026-11-22 10:15, -15m or now' });
        return;
      }
    }
    const resolved = resolveRange(bounds, nowNs());
    if (resolved.from !== null && resolved.to !== null && resolved.from >= resolved.to) {
      setProblem({ field: 'to', text: 'The end must be later than the beginning' });
      return;
    }
    onApply(bounds);
  };
  const field = (name: 'from' | 'to', label: string, value: string, change: (text: string) => void) => (
    <label className="field">
      <span>{label}</span>
      <input
        value={value}
        onChange={(event) => change(event.target.value)}
        spellCheck={false}
        autoComplete="off"
        aria-invalid={problem?.field === name}
        aria-describedby={problem?.field === name ? id : undefined}
      />
    </label>
  );
  return (
    <form onSubmit={apply}>
      {field('from', 'From', from, setFrom)}
      {field('to', 'To', to, setTo)}
      {problem && (
        <p className="problem" id={id} role="alert">
          {problem.text}
        </p>
      )}
      <button type="submit" className="button primary">
        Apply
      </button>
    </form>
  );
}

/** What was typed as the URL keeps it: relative as it is, anything else as RFC 3339 in UTC. */
function normalise(text: string, zone: Zone): string {
  const trimmed = text.trim();
  if (isRelative(trimmed) || trimmed === 'all') return trimmed;
  const instant = parseInstant(trimmed, zone);
  return instant === null
    ? ''
    : displayInstant(instant, 'utc', 9)
        .replace(' ', 'T')
        .replace(/\.?0+$/, '')
        .concat('Z');
}
