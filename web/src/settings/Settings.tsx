import { Link } from 'wouter';
import { PageHead } from '../shell/PageHead';
import { Choice } from '../ui/Choice';
import { useSettings } from './store';

export function Settings() {
  const settings = useSettings();
  const { set } = settings;
  return (
    <div className="page settings">
      <PageHead title="Settings" about="Kept in this browser." />
      <div className="setting-list">
        <Choice
          label="Theme"
          value={settings.theme}
          onChange={(theme) => set({ theme })}
          options={[
            ['auto', 'As the system'],
            ['dark', 'Dark'],
            ['light', 'Light'],
          ]}
        />
        <Choice
          label="Contrast"
          value={settings.contrast}
          onChange={(contrast) => set({ contrast })}
          options={[
            ['auto', 'As the system'],
            ['more', 'High'],
          ]}
        />
        <Choice
          label="Clock"
          about={`Local is ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`}
          value={settings.zone}
          onChange={(zone) => set({ zone })}
          options={[
            ['local', 'Local'],
            ['utc', 'UTC'],
          ]}
        />
        <Choice
          label="Density of lines"
          value={settings.density}
          onChange={(density) => set({ density })}
          options={[
            ['compact', 'Compact'],
            ['normal', 'Normal'],
            ['touch', 'Roomy'],
          ]}
        />
        <Choice
          label="Text size"
          value={settings.fontSize}
          onChange={(fontSize) => set({ fontSize })}
          options={[
            ['normal', 'Normal'],
            ['large', 'Large'],
          ]}
        />
        <Choice
          label="Single-key shortcuts"
          about="Plain letters such as j, e and t. Off, only keys with Ctrl remain."
          value={settings.singleKeys ? 'on' : 'off'}
          onChange={(value) => set({ singleKeys: value === 'on' })}
          options={[
            ['on', 'On'],
            ['off', 'Off'],
          ]}
        />
      </div>
      <p className="muted">
        For programs: <Link href="/graphql-explorer">ask in GraphQL</Link>, with the schema at hand.
      </p>
    </div>
  );
}
