import type { ReactNode } from 'react';
import { bindingOf } from '../keymap/bindings';
import { VIEWS, type View } from '../url';

const LABELS = { lines: 'Lines', patterns: 'Patterns', compare: 'Compare' } as const;
const KEYS = { lines: 'viewLines', patterns: 'viewPatterns', compare: 'viewCompare' } as const;

/** What is shown of the result: every line, the templates behind them, or what differs from before. */
export function Views({ view, onView, children }: { view: View; onView(view: View): void; children: ReactNode }) {
  return (
    <div className="views-bar">
      <div className="views" role="group" aria-label="What to show">
        {VIEWS.map((one) => (
          <button
            key={one}
            type="button"
            className="view-button"
            aria-pressed={view === one}
            title={`${LABELS[one]} (${bindingOf(KEYS[one]).keys[0]})`}
            onClick={() => onView(one)}
          >
            {LABELS[one]}
          </button>
        ))}
      </div>
      {children}
    </div>
  );
}
