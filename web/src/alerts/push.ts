/** Desktop notifications of this browser: permission, the service worker, and what it is subscribed to. */

import { subscribe, unsubscribe } from '../api/client';

const WORKER = '/push-worker.js';
const KEPT = 'heimdall.push';

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(): string }): { createScriptURL(input: string): string };
}

/** By channel: the id of this browser's subscription. */
export type Subscribed = Record<string, string>;

/** Why this browser cannot be told; `null`: it can. */
export function pushProblem(scope: Pick<Window, 'isSecureContext'> & object = window): string | null {
  if (!scope.isSecureContext) return 'Browsers allow it only over https, or on this machine.';
  const able = 'PushManager' in scope && 'Notification' in scope && 'serviceWorker' in navigator;
  return able ? null : 'This browser has no push notifications.';
}

export function subscribedTo(): Subscribed {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT) ?? '{}');
    return kept && typeof kept === 'object' ? (kept as Subscribed) : {};
  } catch {
    return {};
  }
}

/** Asks for permission, subscribes at the browser's push service and tells the node. */
export async function startPush(channel: string, key: string): Promise<Subscribed> {
  if ((await Notification.requestPermission()) !== 'granted') {
    throw new Error('the browser does not allow notifications of this page; its settings for the site permit them.');
  }
  const registration = await navigator.serviceWorker.register(workerUrl());
  await navigator.serviceWorker.ready;
  const made = await subscribedFor(registration.pushManager, keyBytes(key));
  const { endpoint, keys } = made.toJSON();
  const { id } = await subscribe(channel, { endpoint, keys });
  return keep({ ...subscribedTo(), [channel]: id });
}

export async function stopPush(channel: string): Promise<Subscribed> {
  const { [channel]: id, ...others } = subscribedTo();
  if (id) await unsubscribe(id);
  if (Object.keys(others).length === 0) {
    const registration = await navigator.serviceWorker.getRegistration();
    await (await registration?.pushManager.getSubscription())?.unsubscribe();
  }
  return keep(others);
}

/** One that was made for another key (the node's is new) is given up first. */
async function subscribedFor(manager: PushManager, key: Uint8Array<ArrayBuffer>): Promise<PushSubscription> {
  const options = { userVisibleOnly: true, applicationServerKey: key };
  try {
    return await manager.subscribe(options);
  } catch (error) {
    const old = await manager.getSubscription();
    if (!old) throw error;
    await old.unsubscribe();
    return manager.subscribe(options);
  }
}

function keep(subscribed: Subscribed): Subscribed {
  localStorage.setItem(KEPT, JSON.stringify(subscribed));
  return subscribed;
}

/** The only script address this page may make of a string: always the same one. */
function workerUrl(): string {
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes };
  policy ??= trustedTypes?.createPolicy('push-worker', { createScriptURL: () => WORKER });
  return policy ? policy.createScriptURL('') : WORKER;
}

let policy: ReturnType<TrustedTypes['createPolicy']> | undefined;

/** base64url → bytes. */
export function keyBytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (char) => char.charCodeAt(0));
}
