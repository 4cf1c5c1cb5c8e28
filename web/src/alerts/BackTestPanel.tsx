import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { testRule } from '../api/client';
import type { BackTest, Rule } from '../api/types';
import { FailureNote } from '../explore/FailureNote';
import { safeText } from '../text/safe';
import { displayInstant, parseInstant } from '../time/instant';
import { Choice } from '../ui/Choice';
import { count, plural } from '../ui/format';
import { SeverityMark } from './marks';

const RANGES: readonly (readonly [string, string])[] = [
  ['-1h', 'An hour'],
  ['-24h', 'A day'],
  ['-7d', 'A week'],
];

interface Props {
  rule: Rule;
  complete: boolean;
  onTried(): void;
}

/** What the rule would have said of records that are stored already. */
export function BackTestPanel({ rule, complete, onTried }: Props) {
  const [from, setFrom] = useState('-24h');
  const test = useMutation({
    mutationFn: () => testRule({ ...rule, name: rule.name || 'tried' }, from),
    networkMode: 'always',
    onSuccess: onTried,
  });
  return (
    <section className="back-test" aria-label="Try it on what is stored">
      <div className="back-test-tools">
        <Choice label="Try it on" value={from} onChange={setFrom} options={RANGES} />
        <button type="button" className="button" disabled={!complete || test.isPending} onClick={() => test.mutate()}>
          {test.isPending ? 'Trying…' : 'Try it'}
        </button>
      </div>
      {test.error && <FailureNote error={test.error} q={rule.condition ?? ''} onRetry={() => test.mutate()} />}
      {test.data && <Result found={test.data} />}
    </section>
  );
}

function Result({ found }: { found: BackTest }) {
  const shown = found.firings.filter(({ resolved }) => !resolved).slice(0, 5);
  return (
    <div role="status">
      <p>
        <strong>
          {found.alerts === 0 ? 'Nobody would have been told' : `Somebody would have been told ${times(found.alerts)}`}
        </strong>
        , from {displayInstant(parseInstant(found.from) ?? 0n, 'local', 0)} on, of {plural(found.records, 'record')}.
        {!found.complete && ' Only the first million records were looked at.'}
      </p>
      <ol className="firing-list">
        {shown.map((firing) => (
          <li key={`${firing.detected} ${firing.statement}`}>
            <SeverityMark severity={firing.severity} />
            <span>{safeText(firing.statement)}</span>
            <time className="muted number" dateTime={firing.detected}>
              {displayInstant(parseInstant(firing.detected) ?? 0n, 'local', 0)}
            </time>
          </li>
        ))}
      </ol>
      {found.fired > shown.length && <p className="muted">It fired {times(found.fired)} in all.</p>}
    </div>
  );
}

const times = (n: number): string => (n === 1 ? 'once' : `${count(n)} times`);
