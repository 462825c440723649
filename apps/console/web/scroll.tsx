import type { ReactNode } from 'react';

/** What may be wider than the screen: it scrolls by itself, with the keyboard too, and never the page. */
export function Scroll({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="scroll" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
