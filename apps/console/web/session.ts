import { useSyncExternalStore } from 'react';

/**
 * The API key lives in this tab's sessionStorage: it ends with the tab, other tabs do not see it, and it is never part of
 * an address. `reason` says why the last one was taken away.
 */
const NAME = 'runseal.api-key';
const listeners = new Set<() => void>();
let reason: string | null = null;

export const readKey = (): string | null => sessionStorage.getItem(NAME);
export const readReason = (): string | null => reason;

export function keepKey(key: string): void {
  reason = null;
  sessionStorage.setItem(NAME, key);
  for (const listener of listeners) listener();
}

export function forgetKey(why: string | null = null): void {
  reason = why;
  sessionStorage.removeItem(NAME);
  for (const listener of listeners) listener();
}

export const useKey = (): string | null => useSyncExternalStore(subscribe, readKey);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
