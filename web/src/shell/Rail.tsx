import { Link } from 'wouter';
import { runCommand } from '../app/commands';
import { Icon, type IconName } from '../ui/Icon';
import { Logo } from './Logo';

const PAGES: { page: string; label: string; icon: IconName }[] = [
  { page: 'explore', label: 'Explore', icon: 'explore' },
  { page: 'anomalies', label: 'Anomalies', icon: 'pulse' },
  { page: 'alerts', label: 'Alerts', icon: 'bell' },
  { page: 'start', label: 'Start', icon: 'start' },
];

/** Left rail; on phones the bar at the bottom. */
export function Rail({ page }: { page: string }) {
  const item = ({ page: target, label, icon }: (typeof PAGES)[number]) => (
    <Link
      key={target}
      className="rail-item"
      href={`/${target}`}
      aria-current={page === target ? 'page' : undefined}
      title={label}
    >
      <Icon name={icon} size={18} />
      <span>{label}</span>
    </Link>
  );
  return (
    <nav className="rail" aria-label="Pages">
      <Link className="rail-logo" href="/explore" aria-label="Heimdall: Explore">
        <Logo />
      </Link>
      {PAGES.map(item)}
      <div className="rail-space" />
      {item({ page: 'settings', label: 'Settings', icon: 'settings' })}
      <button type="button" className="rail-item" onClick={() => runCommand('help')} title="Help (?)">
        <Icon name="help" size={18} />
        <span>Help</span>
      </button>
    </nav>
  );
}
