/** JSON whose integers keep all their digits: ids of 64 bits do not fit a JavaScript number. */

/** An integer above 2⁵³ begins so. Most answers have none, and are read the quick way. */
const LONG_INTEGER = /[[:,\s]-?(?:9\d{15}|\d{17})/;
const INTEGER = /^-?\d+$/;

interface Source {
  source?: string;
}

type Reviver = (key: string, value: unknown, context?: Source) => unknown;

/** `JSON.parse`, but integers beyond 2⁵³ are bigints. A browser that does not tell the source of a number rounds them. */
export function parseExact(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  const exact: Reviver = (_key, value, context) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value) || !context?.source) return value;
    return INTEGER.test(context.source) ? BigInt(context.source) : value;
  };
  return JSON.parse(text, exact);
}

/** `JSON.stringify` for what `parseExact` read. */
export function exactText(value: unknown, indent?: number): string {
  const raw = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON;
  return JSON.stringify(
    value,
    (_key, part: unknown) => (typeof part === 'bigint' ? (raw ? raw(String(part)) : String(part)) : part),
    indent,
  );
}
