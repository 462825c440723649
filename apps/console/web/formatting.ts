import type { MetricValue } from './answers.js';

/** What stands where a fact is not known. */
export const NONE = '–';

const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

/** A count or a step: `12,345`. */
export const formatCount = (value: number): string =>
  Number.isInteger(value) ? whole.format(value) : String(Number(value.toPrecision(6)));

/**
 * A metric: whole numbers in full, others to five significant digits, very small and very large ones with an exponent:
 * `12,345,678`, `1.0857`, `2e-4`, `1e17`.
 */
export function formatMetric(value: MetricValue | null): string {
  if (value === null) return NONE;
  if (typeof value === 'string') return value;
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return formatCount(value);
  if (size < 1e-3 || size >= 1e6) {
    const [digits = '', exponent = ''] = value.toExponential(4).split('e');
    return `${String(Number(digits))}e${exponent.replace('+', '')}`;
  }
  return String(size < 1e5 ? Number(value.toPrecision(5)) : Math.round(value));
}

const DAY_S = 86_400;

/** A span of time in its two largest units: `3 h 15 min`, `42.5 s`. */
export function formatDuration(seconds: number | null): string {
  if (seconds === null) return NONE;
  if (seconds < 60) return `${String(Number(seconds.toPrecision(3)))} s`;
  const rounded = Math.round(seconds);
  const parts = [
    [Math.floor(rounded / DAY_S), 'd'],
    [Math.floor((rounded % DAY_S) / 3_600), 'h'],
    [Math.floor((rounded % 3_600) / 60), 'min'],
    [rounded % 60, 's'],
  ] as const;
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}

/** A time in the reader's zone, which it names: `26 Jan 2026, 11:30:05 CET`. A text that is no time stays as it is. */
export function formatTime(time: string | null, more: { isShort?: boolean; timeZone?: string } = {}): string {
  if (time === null) return NONE;
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    ...(more.isShort ? {} : { second: '2-digit' }),
    timeZoneName: 'short',
    ...(more.timeZone === undefined ? {} : { timeZone: more.timeZone }),
  }).format(date);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A size in the largest binary unit that leaves at least 1: `1.5 GiB`. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return NONE;
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1);
  return `${String(Number((bytes / 1024 ** power).toPrecision(3)))} ${UNITS[power]}`;
}

/** A hash that still can be told from others: `sha256:1f3a9c…e07b`. Short ones stay whole. */
export function shortHash(hash: string): string {
  const [, prefix = '', digits = ''] = /^([a-z0-9]+:)?(.*)$/.exec(hash) ?? [];
  return digits.length <= 16 ? hash : `${prefix}${digits.slice(0, 8)}…${digits.slice(-4)}`;
}

/** Words of an identifier: `audit_completeness` as `audit completeness`. */
export const words = (identifier: string): string => identifier.replaceAll('_', ' ');

/** `1 point`, `2 points`. */
export const plural = (count: number, noun: string): string => `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
