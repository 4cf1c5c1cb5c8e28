import { useConnection } from '../app/connection';

export function OfflineBanner() {
  const reachable = useConnection((state) => state.reachable);
  return (
    <div className="offline-place" role="status">
      {!reachable && (
        <p className="offline">
          <strong>The node does not answer.</strong> What was loaded stays readable; trying again every 2 seconds.
        </p>
      )}
    </div>
  );
}
