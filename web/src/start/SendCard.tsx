import { useState } from 'react';
import type { NodeInfo } from '../api/types';
import { Choice } from '../ui/Choice';
import { CopyButton } from '../ui/CopyButton';
import { Icon } from '../ui/Icon';

type Way = 'ndjson' | 'text' | 'otlp';

/** Commands that work as they stand, with this node's own address. */
export function commandFor(way: Way, origin: string): string {
  if (way === 'ndjson') return `curl ${origin}/api/v1/logs \\\n  -d '{"level":"info","message":"first line"}'`;
  if (way === 'text') return `tail -f app.log |\n  curl ${origin}/api/v1/logs -T -`;
  return `exporters:\n  otlphttp/heimdall:\n    endpoint: ${origin}\n    compression: gzip`;
}

export function SendCard({ node }: { node: NodeInfo | undefined }) {
  const [way, setWay] = useState<Way>('ndjson');
  const command = commandFor(way, location.origin);
  return (
    <section className="card" aria-labelledby="card-send">
      <h2 id="card-send">
        <Icon name="send" size={18} /> Send
      </h2>
      <p className="muted">From a shell, a shipper or an OpenTelemetry Collector.</p>
      <Choice<Way>
        label="How"
        value={way}
        onChange={setWay}
        options={[
          ['ndjson', 'JSON'],
          ['text', 'Text'],
          ['otlp', 'OpenTelemetry'],
        ]}
      />
      <pre className="command" tabIndex={0} role="region" aria-label="Command">
        {command}
      </pre>
      <div className="card-foot">
        <CopyButton text={command} label="Copy">
          Copy
        </CopyButton>
        {way === 'otlp' && node?.ports?.otlp && (
          <span className="muted">Also on port {node.ports.otlp}, for senders with the usual setting.</span>
        )}
      </div>
    </section>
  );
}
