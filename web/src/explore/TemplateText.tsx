import { safeText } from '../text/safe';

/** A template with what varies in it set off. */
export function TemplateText({ template }: { template: string }) {
  let place = 0;
  const parts = template.split(/(<[^<>\s]{1,24}>)/).map((text, turn) => {
    place += text.length + 1;
    return { text, varies: turn % 2 === 1, place };
  });
  return (
    <span className="template">
      {parts.map(({ text, varies, place: at }) =>
        varies ? (
          <span key={at} className="template-part">
            {text}
          </span>
        ) : (
          <span key={at}>{safeText(text)}</span>
        ),
      )}
    </span>
  );
}
