/** The few icons the pages use: 16 × 16, drawn with the text colour. Decorative; the control beside it has the name. */

const PATHS = {
  explore: 'M2.5 4h11M2.5 8h6M2.5 12h4M11 13a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM12.8 12.3l1.7 1.7',
  start: 'M8 2.5v7M5 6.5l3 3 3-3M2.5 10v2.5a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1V10',
  pulse: 'M1.5 8.5h3l1.8-5.5 3.2 10 1.9-4.5h3.1',
  bell: 'M8 2.2a4 4 0 0 1 4 4c0 3.4 1.5 4.6 1.5 5.3h-11C2.5 10.8 4 9.6 4 6.2a4 4 0 0 1 4-4zM6.7 13.7a1.4 1.4 0 0 0 2.6 0',
  settings: 'M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6M10 2.8v3.4M6 9.8v3.4',
  help: 'M5.8 6a2.2 2.2 0 1 1 3.1 2c-.6.3-.9.7-.9 1.4M8 11.8v.1M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13z',
  clock: 'M8 14a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM8 4.8V8l2.2 1.6',
  live: 'M8 9a1 1 0 1 0 0-2 1 1 0 0 0 0 2zM5 11a4.2 4.2 0 0 1 0-6M11 5a4.2 4.2 0 0 1 0 6M3 13a7 7 0 0 1 0-10M13 3a7 7 0 0 1 0 10',
  share:
    'M6.5 9.5a2.6 2.6 0 0 0 3.8 0l2.4-2.4a2.7 2.7 0 0 0-3.8-3.8l-.8.8M9.5 6.5a2.6 2.6 0 0 0-3.8 0L3.3 8.9a2.7 2.7 0 0 0 3.8 3.8l.8-.8',
  close: 'M4 4l8 8M12 4l-8 8',
  plus: 'M8 3.5v9M3.5 8h9',
  minus: 'M3.5 8h9',
  only: 'M8 12.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM8 9a1 1 0 1 0 0-2 1 1 0 0 0 0 2z',
  copy: 'M5.5 5.5h7v8h-7zM10.5 5.5v-3h-7v8h2',
  check: 'M3 8.5l3.2 3.2L13 4.8',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  filter: 'M2.5 3.5h11L9.5 8.5v4l-3 1v-5z',
  table: 'M2.5 3.5h11v9h-11zM2.5 6.5h11M6.5 6.5v6',
  chart: 'M2.5 13.5h11M4 11V8M7 11V4M10 11V6.5M13 11V9',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.2v9.6L12.5 8z',
  file: 'M4 2.5h5l3 3v8H4zM9 2.5v3h3',
  send: 'M2.5 3.5h11v9h-11zM5 6.5l2 1.8-2 1.7M8.5 10.5H11',
  spark: 'M8 2.5l1.4 3.6L13 7.5 9.4 8.9 8 12.5 6.6 8.9 3 7.5l3.6-1.4zM13 12v2M12 13h2',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
