import type { Feature } from '../api/types';
import { bandShape, featureName, featureText } from './band';

/** One number of the evidence: its expected band, and a mark where it was observed. The text says the same. */
export function BandBar({ feature }: { feature: Feature }) {
  const shape = bandShape(feature);
  return (
    <div className="band">
      <span className="band-name">{featureName(feature)}</span>
      <span className="band-text number">{featureText(feature)}</span>
      {shape && (
        <div className="band-bar" data-where={shape.where} aria-hidden="true">
          <span className="band-expected" style={{ left: `${shape.low}%`, width: `${shape.high - shape.low}%` }} />
          {shape.where === 'above' && (
            <span
              className="band-excess"
              style={{ left: `${shape.high}%`, width: `${shape.observed - shape.high}%` }}
            />
          )}
          {shape.where === 'below' && (
            <span
              className="band-excess"
              style={{ left: `${shape.observed}%`, width: `${shape.low - shape.observed}%` }}
            />
          )}
          <span className="band-observed" style={{ left: `${shape.observed}%` }} />
        </div>
      )}
    </div>
  );
}
