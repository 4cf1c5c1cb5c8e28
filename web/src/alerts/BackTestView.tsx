import { Link } from 'wouter';
import type { BackTest, Firing } from '../api/types';
import { safeText } from '../text/safe';
import { parseInstant } from '../time/instant';
import { plural } from '../ui/format';
import { linesHref } from './Members';
import { When } from './When';

const LISTED = 20;

/** What a rule would have said: how often, when, and the firings as a list. `stale`: the rule was changed since. */
export function BackTestView({ found, stale }: { found: BackTest; stale: boolean }) {
  const began = found.firings.filter(({ resolved }) => !resolved);
  return (
    <section className="back-test" data-stale={stale} aria-labelledby="back-test-title">
      <h3 id="back-test-title">{verdict(found)}</h3>
      <p className="muted">
        From <When time={found.from} /> to <When time={found.to} />, {plural(found.records, 'matching record')}
        {!found.complete && '; cut there, as the range holds more than a million records of the rule'}
        {stale && '. The rule was changed since: try it again'}.
      </p>
      {began.length > 0 && (
        <>
          <Strip found={found} firings={began} />
          <ul className="firings">
            {began.slice(0, LISTED).map((firing) => (
              <li key={`${firing.detected} ${firing.statement}`}>
                <span className="muted">
                  <When time={firing.detected} />
                </span>
                <Link href={linesHref(firing)}>{safeText(firing.statement)}</Link>
              </li>
            ))}
          </ul>
          {began.length > LISTED && <p className="muted">and {plural(began.length - LISTED, 'further firing')}</p>}
        </>
      )}
    </section>
  );
}

function verdict({ alerts }: BackTest): string {
  if (alerts === 0) return 'It would have said nothing';
  return alerts === 1 ? 'It would have told you once' : `It would have told you ${plural(alerts, 'time')}`;
}

/** The firings on the range's time line; the list below has the same as words. */
function Strip({ found, firings }: { found: BackTest; firings: readonly Firing[] }) {
  const from = parseInstant(found.from) ?? 0n;
  const span = Math.max(1, Number((parseInstant(found.to) ?? 0n) - from));
  return (
    <div className="strip" aria-hidden="true">
      {firings.map((firing) => {
        const place = Number((parseInstant(firing.detected) ?? from) - from) / span;
        const left = `${Math.min(100, Math.max(0, place * 100))}%`;
        return <span key={`${firing.detected} ${firing.statement}`} style={{ left }} />;
      })}
    </div>
  );
}
