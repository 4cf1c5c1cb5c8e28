/** The layout of the page before its first answer. */
export function AlertsSkeleton() {
  return (
    <div className="incident-list" role="status" aria-label="Loading">
      {[50, 70, 40].map((width) => (
        <div key={width} className="incident">
          <span className="skeleton" style={{ width: `${width}%` }} />
          <span className="skeleton" style={{ width: '80%' }} />
        </div>
      ))}
    </div>
  );
}
