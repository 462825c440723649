import type { ResourceSummary, RunAnswer } from '@runseal/lineage';
import { plain, short, wrap } from './text-table.js';

const REMARKS_SHOWN = 20;
/** Of a remark so many characters: a whole configuration may stand in one. */
const REMARK_MAX = 400;

/** The machine in a line: the fullest GPU, the mean of all GPUs, memory. Null where nothing was read. */
export function resourcesLine({ gpus, machines }: ResourceSummary): string | null {
  const fullest = gpus.toSorted((left, right) => fullness(right) - fullness(left))[0];
  const busy = gpus.flatMap(({ utilization_mean_percent }) => utilization_mean_percent ?? []);
  const ram = machines.toSorted((left, right) => (right.ram_peak_bytes ?? -1) - (left.ram_peak_bytes ?? -1))[0];
  const cpu = machines.flatMap(({ cpu_mean_percent }) => cpu_mean_percent ?? []);
  const parts = [
    fullest && peak('GPU memory', fullest.memory_peak_bytes, fullest.memory_total_bytes),
    busy.length === 0 ? null : `mean GPU use ${percent(mean(busy))}`,
    gpus.length === 0 && cpu.length > 0 ? `mean CPU use ${percent(mean(cpu))}` : null,
    ram && peak('RAM', ram.ram_peak_bytes, ram.ram_total_bytes),
  ].filter((part) => part != null);
  if (parts.length === 0) return null;
  return parts.join(', ') + (gpus.length > 1 ? ` (of ${gpus.length} GPUs the fullest)` : '');
}

type Gpu = ResourceSummary['gpus'][number];
const fullness = ({ memory_peak_bytes, memory_total_bytes }: Gpu): number =>
  memory_peak_bytes === null ? -1 : memory_peak_bytes / (memory_total_bytes ?? Infinity);

function peak(name: string, used: number | null, total: number | null): string | null {
  if (used === null) return null;
  return total === null
    ? `peak ${name} ${gib(used)} GiB`
    : `peak ${name} ${gib(used)} of ${gib(total)} GiB (${percent((100 * used) / total)})`;
}

const gib = (bytes: number): string => short(Number((bytes / 2 ** 30).toFixed(1)));
const percent = (value: number): string => `${Math.round(value)} %`;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The checkpoints that are no longer there; empty where none is told of. */
export function deletedText({ checkpoints }: RunAnswer): string {
  const gone = checkpoints.filter(({ deleted_seq }) => deleted_seq !== null).map(({ step }) => step);
  if (gone.length === 0) return '';
  return gone.length === checkpoints.length ? '; all deleted since' : `; deleted since: ${stepsText(gone)}`;
}

const stepsText = (steps: readonly number[]): string =>
  steps.length > 4 ? `${steps.length}, up to step ${steps.at(-1)}` : steps.join(', ');

/** Of each name the last remark, and what does not show in the run because of it. */
export function remarks({ annotations }: RunAnswer): string {
  const newest = [...new Map(annotations.map((one) => [one.name, one])).values()];
  if (newest.length === 0) return '';
  const lines = newest.slice(0, REMARKS_SHOWN).flatMap(({ name, text, value, hides, seq }) => {
    const said = [value === null ? null : String(value), text].filter((part) => part !== null).join(': ');
    const shown = said.length > REMARK_MAX ? `${said.slice(0, REMARK_MAX)}…` : said;
    return [
      wrap(plain(`${name}${shown === '' ? '' : ` ${shown}`} (record ${seq})`), '    '),
      ...(hides === null ? [] : [wrap(plain(hides), '      ')]),
    ];
  });
  const more = newest.length - REMARKS_SHOWN;
  return ['  remarks:', ...lines, ...(more > 0 ? [`    and ${more} more: runseal show --json`] : [])].join('\n');
}
