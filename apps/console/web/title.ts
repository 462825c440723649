import { useEffect } from 'react';

/** The tab's title, so that several runs can be told apart. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Runseal`;
  }, [title]);
}
