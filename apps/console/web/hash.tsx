import { useEffect, useState } from 'react';
import { formatTime, NONE, shortHash } from './formatting.js';

const SHOWN_MS = 2_000;

/** A hash, shortened to the eye, whole in its title and in the clipboard. */
export function Hash({ value, of }: { value: string | null; of: string }) {
  if (value === null) return <span className="soft">not hashed</span>;
  return (
    <span className="hash">
      <code title={value}>{shortHash(value)}</code>
      <CopyButton text={value} what={of} />
    </span>
  );
}

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [said, setSaid] = useState<string | null>(null);
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSaid(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = () => {
    copyText(text).then(
      () => setSaid('copied'),
      () => setSaid('not copied: the browser refused'),
    );
  };
  return (
    <button type="button" className="copy" onClick={copy} aria-label={`Copy ${what}`}>
      <span aria-live="polite">{said ?? 'copy'}</span>
    </button>
  );
}

/** The clipboard is there on pages from this machine and over TLS only; elsewhere the text is selected and copied as of old. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.value = text;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand('copy');
  field.remove();
  if (!isCopied) throw new Error('refused');
}

/** The record of the ledger that shows a fact. */
export function Seq({ seq }: { seq: number | null }) {
  if (seq === null) return <span className="soft">{NONE}</span>;
  return (
    <span className="seq" title={`record ${seq} of the ledger; its evidence: runseal evidence ${seq}`}>
      #{seq}
    </span>
  );
}

/** In the reader's zone; the text as it was submitted is in the title. */
export function Time({ time, isShort = false }: { time: string | null; isShort?: boolean }) {
  if (time === null) return <span className="soft">not told</span>;
  return (
    <time dateTime={time} title={time}>
      {formatTime(time, { isShort })}
    </time>
  );
}
