import type { Finding } from '../api/types';
import { grouped } from './grouped';
import { KindShape } from './KindShape';
import { KINDS, kindSign } from './kinds';

interface Props {
  findings: readonly Finding[];
  onKind(kind: string): void;
}

/** What the shapes mean, for the kinds on screen; a press keeps only that kind. */
export function Legend({ findings, onKind }: Props) {
  const counts = grouped(findings, (finding) => finding.kind);
  const kinds = [...counts.keys()].sort((a, b) => KINDS.indexOf(a as never) - KINDS.indexOf(b as never));
  if (kinds.length === 0) return null;
  return (
    <ul className="kind-legend" aria-label="Kinds of findings">
      {kinds.map((kind) => (
        <li key={kind}>
          <button
            type="button"
            className="legend-item"
            onClick={() => onKind(kind)}
            title={`Only ${kindSign(kind).word}`}
          >
            <KindShape kind={kind} state="critical" size={12} />
            <span>{kindSign(kind).word}</span>
            <span className="muted number">{counts.get(kind)?.length}</span>
          </button>
        </li>
      ))}
      <li className="muted state-legend">
        <KindShape kind="mix" state="degraded" size={12} /> degraded
        <KindShape kind="mix" state="critical" size={12} /> critical
      </li>
    </ul>
  );
}
