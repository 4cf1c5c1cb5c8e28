import { useState } from 'react';
import { safeText } from '../text/safe';
import { notify } from '../ui/notice';
import { pushProblem, startPush, stopPush, subscribedTo } from './push';
import { usePushOffer } from './useAlerts';

/** Which channels tell this browser by desktop notifications. */
export function ThisBrowser() {
  const { data } = usePushOffer();
  const [subscribed, setSubscribed] = useState(subscribedTo);
  const [busy, setBusy] = useState(false);
  if (!data?.key || data.channels.length === 0) return null;
  const key = data.key;
  const problem = pushProblem();
  const change = async (channel: string, on: boolean) => {
    setBusy(true);
    try {
      setSubscribed(await (on ? startPush(channel, key) : stopPush(channel)));
      notify(on ? `This browser is told by ${channel}.` : `This browser is no longer told by ${channel}.`);
    } catch (error) {
      notify(`Not done: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="incident-part" aria-labelledby="this-browser">
      <h2 id="this-browser">This browser</h2>
      <p className="muted">
        {problem ?? 'A desktop notification an incident, also while this page is closed and the browser runs.'}
      </p>
      {!problem && (
        <p className="first-rules">
          {data.channels.map((channel) => {
            const on = !subscribed[channel];
            return (
              <button
                key={channel}
                type="button"
                className="button"
                disabled={busy}
                onClick={() => void change(channel, on)}
              >
                {on ? `Tell me of ${safeText(channel)}` : `Tell me no more of ${safeText(channel)}`}
              </button>
            );
          })}
        </p>
      )}
    </section>
  );
}
