import './graphql.css';
import { useQuery } from '@tanstack/react-query';
import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import { PageHead } from '../shell/PageHead';
import { CopyButton } from '../ui/CopyButton';
import { Icon } from '../ui/Icon';
import { type Asked, askGraphql, type GraphqlAnswer, introspected } from './client';
import { GraphqlEditor } from './GraphqlEditor';
import { isSubscription, listen } from './subscription';
import { readVariables } from './variables';

const EXAMPLE = `# Ctrl Space completes, Ctrl Enter runs
{
  services(from: "-1h", first: 5) {
    name
    count
    errors
    logs(q: "level>=warn", first: 3) {
      nodes { timestamp message }
    }
  }
}
`;

/** Answers of a subscription that stay on the page. */
const SHOWN_ANSWERS = 50;

interface Heard {
  answers: GraphqlAnswer[];
  count: number;
}

/** Write a GraphQL document with the schema at hand, run it, see what the node says. */
export default function GraphqlPage() {
  const [text, setText] = useState(() => new URLSearchParams(location.search).get('query') ?? EXAMPLE);
  const [variables, setVariables] = useState('');
  const [asked, setAsked] = useState<Asked | null>(null);
  const [problem, setProblem] = useState('');
  const [running, setRunning] = useState(false);
  const [heard, setHeard] = useState<Heard | null>(null);
  const stop = useRef<(() => void) | null>(null);
  useEffect(() => () => stop.current?.(), []);
  const id = useId();
  const introspection = useQuery({
    queryKey: ['graphql-schema'],
    queryFn: ({ signal }) => introspected(getIntrospectionQuery(), signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const schema = useMemo(() => introspection.data && buildClientSchema(introspection.data), [introspection.data]);
  const run = async () => {
    const given = readVariables(variables);
    setProblem(given.problem ?? '');
    if (given.problem) return;
    history.replaceState(history.state, '', `?${new URLSearchParams({ query: text })}`);
    stop.current?.();
    setHeard(null);
    setAsked(null);
    setRunning(true);
    if (isSubscription(text)) {
      setHeard({ answers: [], count: 0 });
      stop.current = listen(text, given.value, {
        answered: (answer) =>
          setHeard((before) => ({
            answers: [answer, ...(before?.answers ?? [])].slice(0, SHOWN_ANSWERS),
            count: (before?.count ?? 0) + 1,
          })),
        ended: (why) => {
          stop.current = null;
          setRunning(false);
          setProblem(why ?? '');
        },
      });
      return;
    }
    try {
      setAsked(await askGraphql(text, given.value));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setRunning(false);
    }
  };
  const listening = running && heard !== null;
  const shown = heard?.count ? heard.answers.map(pretty).join('\n') : asked === null ? '' : pretty(asked.answer);
  return (
    <div className="page graphql">
      <PageHead title="GraphQL" about="Ask several things in one document; the node counts its price before it runs." />
      <div className="graphql-panes">
        <section className="graphql-pane" aria-label="Document">
          <GraphqlEditor text={text} schema={schema} onChange={setText} onRun={run} />
          <label htmlFor={id}>Variables</label>
          <textarea
            id={id}
            rows={3}
            spellCheck={false}
            placeholder='{"q": "level:error"}'
            value={variables}
            onChange={(event) => setVariables(event.target.value)}
          />
          <div className="graphql-foot">
            {listening ? (
              <button type="button" className="button primary" onClick={() => stop.current?.()}>
                <Icon name="pause" /> Stop
              </button>
            ) : (
              <button type="button" className="button primary" onClick={run} disabled={running}>
                <Icon name="play" /> {running ? 'Running…' : 'Run'}
              </button>
            )}
            <span role="status" className={problem ? 'problem' : 'muted'}>
              {problem || (heard ? toldOf(heard, listening) : asked && told(asked))}
            </span>
          </div>
        </section>
        <section className="graphql-pane" aria-label="Answer">
          <pre className="graphql-answer" tabIndex={0} role="region" aria-label="Result">
            {shown || (listening ? 'Listening: each answer comes here, the newest first.' : 'The answer comes here.')}
          </pre>
          <div className="graphql-foot">
            <CopyButton text={shown} label="Copy the answer">
              Copy
            </CopyButton>
          </div>
        </section>
      </div>
      <details className="graphql-schema">
        <summary>Schema</summary>
        {introspection.error && <p className="problem">{introspection.error.message}</p>}
        {schema && (
          <pre tabIndex={0} role="region" aria-label="Schema definition">
            {printSchema(schema)}
          </pre>
        )}
      </details>
    </div>
  );
}

function pretty(answer: Asked['answer']): string {
  return typeof answer === 'string' ? answer : JSON.stringify(answer, null, 2);
}

function toldOf({ count }: Heard, listening: boolean): string {
  const heard = `${count.toLocaleString('en')} ${count === 1 ? 'answer' : 'answers'}`;
  const shown = count > SHOWN_ANSWERS ? `, the last ${SHOWN_ANSWERS} shown` : '';
  return `${listening ? 'Listening · ' : ''}${heard}${shown}`;
}

function told({ answer, status, tookMs }: Asked): string {
  const cost = typeof answer === 'object' ? answer.extensions?.cost : undefined;
  const errors = typeof answer === 'object' ? (answer.errors?.length ?? 0) : 0;
  const parts = [`${Math.round(tookMs)} ms`];
  if (typeof cost === 'number') parts.push(`price ${cost.toLocaleString('en')}`);
  if (status !== 200) parts.push(`status ${status}`);
  if (errors > 0) parts.push(`${errors} ${errors === 1 ? 'error' : 'errors'}`);
  return parts.join(' · ');
}
