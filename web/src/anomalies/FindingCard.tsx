import { Link } from 'wouter';
import type { Finding } from '../api/types';
import { useCommands } from '../app/commands';
import { safeText } from '../text/safe';
import { displayInstant, nowNs, parseInstant } from '../time/instant';
import { displaySpan } from '../time/range';
import { Icon } from '../ui/Icon';
import { useChosen } from '../ui/useChosen';
import { DEFAULT_STATE, exploreHref } from '../url';
import { type AnomaliesState, anomaliesHref } from './anomaliesUrl';
import { BandBar } from './BandBar';
import { FeedbackBar } from './FeedbackBar';
import { KindShape } from './KindShape';
import { kindSign } from './kinds';
import { useFeedback } from './useFeedback';
import { confidenceText, headline, rarityText } from './words';

interface Props {
  finding: Finding;
  state: AnomaliesState;
  selected: boolean;
  /** Alone on its page: everything is open, and the sentence is the page's title. */
  alone?: boolean;
  onSelect?(): void;
  onOpen(): void;
}

/** One finding: what is unusual, how sure that is, the numbers it rests on, and what to do with it. */
export function FindingCard({ finding, state, selected, alone = false, onSelect, onOpen }: Props) {
  const feedback = useFeedback(finding);
  const [main, ...others] = finding.features;
  const place = useChosen(selected && !alone);

  useCommands({
    open: () => (selected ? onOpen() : false),
    useful: () => (selected ? feedback.say('useful') : false),
    noise: () => (selected ? feedback.say('noise') : false),
    expected: () => (selected ? feedback.say('expected') : false),
  });

  const words = safeText(headline(finding));
  return (
    <article
      ref={place}
      className="finding"
      id={`finding-${finding.id}`}
      tabIndex={-1}
      aria-label={words}
      aria-current={selected && !alone ? 'true' : undefined}
      data-verdict={finding.verdict ?? undefined}
      onFocus={onSelect}
    >
      <header className="finding-head">
        <KindShape kind={finding.kind} state={finding.state} size={18} />
        {alone ? (
          <h1>{words}</h1>
        ) : (
          <h2>
            <Link href={anomaliesHref(state, finding.id)}>{words}</Link>
          </h2>
        )}
        <span className={`state-chip state-${finding.state}`}>{finding.state}</span>
      </header>
      <FindingFacts finding={finding} state={state} />
      {main && <BandBar feature={main} />}
      {others.length > 0 && (
        <details open={alone}>
          <summary>{others.length === 1 ? 'One more number' : `${others.length} more numbers`} that stood out</summary>
          {others.map((feature) => (
            <BandBar key={feature.name} feature={feature} />
          ))}
        </details>
      )}
      {finding.examples.slice(0, alone ? 5 : 1).map((example) => (
        <pre key={example} className="finding-example" data-whole={alone}>
          {safeText(example)}
        </pre>
      ))}
      {alone && (
        <p className="finding-query muted">
          Rests on <code>{finding.query}</code>
        </p>
      )}
      <footer className="finding-foot">
        <Link className="button" href={linesHref(finding, state)} title="Show the lines (Enter)">
          <Icon name="explore" />
          Show the lines
        </Link>
        <FeedbackBar given={finding.verdict} service={finding.service} feedback={feedback} />
      </footer>
    </article>
  );
}

function FindingFacts({ finding, state }: { finding: Finding; state: AnomaliesState }) {
  const detected = parseInstant(finding.detected) ?? 0n;
  const age = nowNs() - detected;
  return (
    <ul className="finding-facts muted">
      <li>
        <Link href={anomaliesHref({ ...state, service: finding.service })} title="Only this service">
          {finding.service}
        </Link>
      </li>
      <li>{kindSign(finding.kind).word}</li>
      <li className="number">
        <time dateTime={finding.detected}>{displayInstant(detected, state.tz, 0)}</time>
        {age > 0n && ` (${displaySpan(age)} ago)`}
      </li>
      {finding.known_since && (
        <li>
          <code>{safeText(finding.field)}</code> known since{' '}
          <time className="number" dateTime={finding.known_since}>
            {displayInstant(parseInstant(finding.known_since) ?? 0n, state.tz, 0)}
          </time>
        </li>
      )}
      <li title="How far “usual” can be trusted, by the time it rests on">{confidenceText(finding)}</li>
      <li title="How rarely a step of this service is as far off by itself">{rarityText(finding.evidence)}</li>
    </ul>
  );
}

/** The lines a finding rests on. */
export function linesHref(finding: Finding, { tz }: AnomaliesState): string {
  return exploreHref({ ...DEFAULT_STATE, q: finding.query, from: finding.from, to: finding.to, tz });
}
