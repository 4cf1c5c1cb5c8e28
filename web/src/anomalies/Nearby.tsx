import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { findings } from '../api/client';
import type { Finding } from '../api/types';
import { safeText } from '../text/safe';
import { formatInstant, MINUTE_NS, parseInstant } from '../time/instant';
import { displaySpan } from '../time/range';
import { type AnomaliesState, anomaliesHref } from './anomaliesUrl';
import { KindShape } from './KindShape';
import { headline } from './words';

/** Findings so much before or after may be about the same trouble. */
const NEAR_NS = 15n * MINUTE_NS;
const MOST = 20;

/** What else was noticed around the same time, in order of time: trouble seldom stays in one service. */
export function Nearby({ finding, state }: { finding: Finding; state: AnomaliesState }) {
  const own = parseInstant(finding.detected) ?? 0n;
  const asked = useQuery({
    queryKey: ['findings', 'near', finding.id],
    queryFn: ({ signal }) =>
      findings({ from: formatInstant(own - NEAR_NS), to: formatInstant(own + NEAR_NS), limit: MOST }, signal),
  });
  const others = (asked.data?.data ?? []).filter(({ id }) => id !== finding.id).reverse();
  if (!asked.data) return null;
  return (
    <section className="nearby" aria-labelledby="nearby-title">
      <h2 id="nearby-title">Within 15 minutes of it</h2>
      {others.length === 0 && <p className="muted">Nothing else was noticed.</p>}
      <ul>
        {others.map((other) => (
          <li key={other.id}>
            <Link href={anomaliesHref(state, other.id)}>
              <KindShape kind={other.kind} state={other.state} />
              <span className="nearby-when muted number">{whenText((parseInstant(other.detected) ?? 0n) - own)}</span>
              <span className="nearby-words">{safeText(headline(other))}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function whenText(difference: bigint): string {
  if (difference === 0n) return 'same time';
  return difference < 0n ? `${displaySpan(-difference)} before` : `${displaySpan(difference)} after`;
}
