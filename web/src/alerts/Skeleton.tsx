/** The layout of a list before its first answer. */
export function AlertsSkeleton({ label }: { label: string }) {
  return (
    <div className="alerts-skeleton" role="status" aria-label={label}>
      {[55, 35, 70].map((width) => (
        <div key={width} className="incident">
          <span className="skeleton" style={{ width: 28 }} />
          <span className="skeleton" style={{ width: `${width}%` }} />
        </div>
      ))}
    </div>
  );
}
