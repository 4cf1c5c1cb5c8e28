/** Every key and what it does: read by the dispatcher, the help page and the command palette alike. */

export interface Binding {
  /** Keys as `KeyboardEvent.key`, chords separated by a blank; `Ctrl+` stands for Ctrl or ⌘. */
  keys: readonly string[];
  label: string;
  group: 'Everywhere' | 'Query and time' | 'Lines' | 'Findings' | 'Incidents';
  /** Works while a text field has the focus. */
  inText?: boolean;
}

export const BINDINGS = {
  help: { keys: ['?'], label: 'Keyboard help', group: 'Everywhere' },
  palette: { keys: ['Ctrl+k'], label: 'Command palette', group: 'Everywhere', inText: true },
  goExplore: { keys: ['g e'], label: 'Go to Explore', group: 'Everywhere' },
  goAnomalies: { keys: ['g a'], label: 'Go to Anomalies', group: 'Everywhere' },
  goAlerts: { keys: ['g l'], label: 'Go to Alerts', group: 'Everywhere' },
  goStart: { keys: ['g h'], label: 'Go to Start', group: 'Everywhere' },
  goSettings: { keys: ['g ,'], label: 'Go to Settings', group: 'Everywhere' },
  close: { keys: ['Escape'], label: 'Close the innermost thing', group: 'Everywhere', inText: true },
  focusQuery: { keys: ['/'], label: 'Edit the query', group: 'Query and time' },
  run: { keys: ['Ctrl+Enter'], label: 'Run the query again', group: 'Query and time', inText: true },
  undo: { keys: ['Ctrl+z'], label: 'Undo the last change of query or time', group: 'Query and time' },
  redo: { keys: ['Ctrl+Shift+z', 'Ctrl+y'], label: 'Redo', group: 'Query and time' },
  timePicker: { keys: ['t'], label: 'Choose the time range', group: 'Query and time' },
  shiftEarlier: { keys: ['['], label: 'Half a range earlier', group: 'Query and time' },
  shiftLater: { keys: [']'], label: 'Half a range later', group: 'Query and time' },
  zoomIn: { keys: ['z'], label: 'Zoom time in', group: 'Query and time' },
  zoomOut: { keys: ['Z'], label: 'Zoom time out', group: 'Query and time' },
  preset: { keys: ['1', '2', '3', '4', '5', '6', '7', '8', '9'], label: 'Time preset 1 … 9', group: 'Query and time' },
  viewLines: { keys: ['v'], label: 'Show lines', group: 'Query and time' },
  viewPatterns: { keys: ['p'], label: 'Show patterns', group: 'Query and time' },
  viewCompare: { keys: ['c'], label: 'Compare with before', group: 'Query and time' },
  live: { keys: ['.'], label: 'Live tail on or off', group: 'Query and time' },
  lineDown: { keys: ['j', 'ArrowDown'], label: 'Next line, finding or incident', group: 'Lines' },
  lineUp: { keys: ['k', 'ArrowUp'], label: 'Previous line, finding or incident', group: 'Lines' },
  first: { keys: ['g g', 'Home'], label: 'Newest line', group: 'Lines' },
  last: { keys: ['G', 'End'], label: 'Oldest line', group: 'Lines' },
  pageDown: { keys: ['PageDown'], label: 'A page down', group: 'Lines' },
  pageUp: { keys: ['PageUp'], label: 'A page up', group: 'Lines' },
  jump: { keys: [':'], label: 'Jump to a time or a row number', group: 'Lines' },
  nextError: { keys: ['e'], label: 'Next error in the whole result', group: 'Lines' },
  previousError: { keys: ['E'], label: 'Previous error', group: 'Lines' },
  nextWarning: { keys: ['w'], label: 'Next warning in the whole result', group: 'Lines' },
  previousWarning: { keys: ['W'], label: 'Previous warning', group: 'Lines' },
  open: { keys: ['Enter'], label: 'Open the line, the incident, or the lines of the finding', group: 'Lines' },
  copyLine: { keys: ['y'], label: 'Copy the line', group: 'Lines' },
  copyLink: { keys: ['Y'], label: 'Copy a link to the line', group: 'Lines' },
  filterFor: { keys: ['+'], label: 'Filter for the focused value', group: 'Lines' },
  filterOut: { keys: ['-'], label: 'Filter the focused value out', group: 'Lines' },
  filterOnly: { keys: ['='], label: 'Only the focused value', group: 'Lines' },
  useful: { keys: ['u'], label: 'The finding is useful', group: 'Findings' },
  noise: { keys: ['n'], label: 'The finding is noise', group: 'Findings' },
  expected: { keys: ['x'], label: 'The finding is expected', group: 'Findings' },
  acknowledge: { keys: ['a'], label: 'Acknowledge the incident', group: 'Incidents' },
  resolve: { keys: ['r'], label: 'Resolve the incident', group: 'Incidents' },
  silence: { keys: ['s'], label: 'Silence the incident for two hours', group: 'Incidents' },
  alertOnThis: { keys: ['A'], label: 'Make a rule of the query', group: 'Query and time' },
} as const satisfies Record<string, Binding>;

export type Command = keyof typeof BINDINGS;

export const COMMANDS = Object.keys(BINDINGS) as Command[];

export function bindingOf(command: Command): Binding {
  return BINDINGS[command];
}

/** `Ctrl+Shift+z` → `Ctrl Shift Z`, as help pages write it. */
export function displayKeys(keys: string): string {
  const names: Record<string, string> = {
    ArrowDown: '↓',
    ArrowUp: '↑',
    PageDown: 'PgDn',
    PageUp: 'PgUp',
    Escape: 'Esc',
  };
  return keys
    .split(' ')
    .map((stroke) => {
      if (!stroke.startsWith('Ctrl+')) return names[stroke] ?? stroke;
      return stroke
        .split('+')
        .map((part) => (part.length === 1 ? part.toUpperCase() : part))
        .join(' ');
    })
    .join(' ');
}
