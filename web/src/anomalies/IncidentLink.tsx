import { Link } from 'wouter';
import { alertsHref } from '../alerts/alertsUrl';
import { useDetectorAlerts } from '../alerts/useAlerts';
import type { Alert, Finding } from '../api/types';
import { parseInstant } from '../time/instant';

/** The way to the incident that the finding's alert belongs to, where there is one. */
export function IncidentLink({ finding }: { finding: Finding }) {
  const asked = useDetectorAlerts(finding.service, finding.kind);
  const alert = asked.data?.data.find((each) => covers(each, finding));
  if (!alert) return null;
  return (
    <p className="finding-incident">
      <Link href={alertsHref({}, alert.incident)}>Part of an incident: {alert.state}</Link>
    </p>
  );
}

/** An alert of a detector goes on with every further finding of its kind and service: from the first to the latest. */
function covers(alert: Alert, { detected }: Finding): boolean {
  const at = parseInstant(detected) ?? 0n;
  return (parseInstant(alert.started) ?? 0n) <= at && at <= (parseInstant(alert.detected) ?? 0n);
}
