import { Link } from 'wouter';
import { anomaliesHref, DEFAULT_ANOMALIES } from '../anomalies/anomaliesUrl';
import type { Alert } from '../api/types';
import { safeText } from '../text/safe';
import { formatInstant, MINUTE_NS, parseInstant } from '../time/instant';
import { plural } from '../ui/format';
import { DEFAULT_STATE, exploreHref } from '../url';
import { alertsHref } from './alertsUrl';
import { SeverityChip, StateChip } from './Severity';
import { When } from './When';

const SHOWN = 50;
const DETECTOR = 'detector.';

/** The alerts of an incident, each with its examples and the way to its lines, its finding or its rule. */
export function Members({ alerts }: { alerts: readonly Alert[] }) {
  return (
    <section className="incident-part" aria-labelledby="members-title">
      <h2 id="members-title">{plural(alerts.length, 'alert')}</h2>
      <ul className="members">
        {alerts.slice(0, SHOWN).map((alert) => (
          <li key={alert.key} className="member">
            <div className="incident-head">
              <SeverityChip severity={alert.severity} />
              <p className="member-words">{safeText(alert.statement)}</p>
              <StateChip state={alert.state} />
            </div>
            <p className="muted">
              <When time={alert.started} />
              {alert.times_opened > 1 && ` · came ${alert.times_opened} times`}
              {alert.flapping && ' · flapping'}
            </p>
            {alert.examples.slice(0, 1).map((example) => (
              <pre key={example} className="finding-example" data-whole="false">
                {safeText(example)}
              </pre>
            ))}
            <p className="member-links">
              {alert.query && <Link href={linesHref(alert)}>Show the lines</Link>}
              {alert.rule.startsWith(DETECTOR) ? (
                <Link href={findingsHref(alert)}>Show the findings</Link>
              ) : (
                <Link href={alertsHref({ view: 'rules', edit: alert.rule })}>Rule {alert.rule}</Link>
              )}
            </p>
          </li>
        ))}
      </ul>
      {alerts.length > SHOWN && <p className="muted">The newest {SHOWN} are shown.</p>}
    </section>
  );
}

/** From a minute before the alert's first record to a minute after it was noticed last. */
function spanOf({ started, detected }: Pick<Alert, 'started' | 'detected'>) {
  const from = (parseInstant(started) ?? 0n) - MINUTE_NS;
  const to = (parseInstant(detected) ?? 0n) + MINUTE_NS;
  return { from: formatInstant(from), to: formatInstant(to) };
}

export function linesHref(of: Pick<Alert, 'started' | 'detected' | 'query'>): string {
  return exploreHref({ ...DEFAULT_STATE, q: of.query, ...spanOf(of) });
}

function findingsHref(alert: Alert): string {
  const kind = alert.rule.slice(DETECTOR.length);
  return anomaliesHref({ ...DEFAULT_ANOMALIES, service: alert.service, kind, ...spanOf(alert) });
}
