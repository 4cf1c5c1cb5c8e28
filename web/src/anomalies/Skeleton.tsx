/** The layout of the page before its first answer. */
export function AnomaliesSkeleton() {
  return (
    <div className="anomalies-skeleton" role="status" aria-label="Loading findings">
      {[60, 35, 80].map((width) => (
        <div key={width} className="lane-skeleton">
          <span className="skeleton" style={{ width: 90 }} />
          <span className="skeleton" style={{ width: `${width}%` }} />
        </div>
      ))}
      {[1, 2].map((card) => (
        <div key={card} className="finding">
          <span className="skeleton" style={{ width: '50%' }} />
          <span className="skeleton" style={{ width: '70%' }} />
          <span className="skeleton" style={{ width: '100%' }} />
        </div>
      ))}
    </div>
  );
}
