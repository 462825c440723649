import pc from 'picocolors';
import type { Output } from './surroundings.js';

type Tone = 'good' | 'doubtful' | 'bad';

/** Words of a state, a verdict or a gate, by what they mean to a reader. Others are left as they are. */
const TONES: Readonly<Record<string, Tone>> = {
  ...{ passed: 'good', pass: 'good', met: 'good', Production: 'good' },
  ...{ warnings: 'doubtful', overridden: 'doubtful', missing: 'doubtful', lost: 'doubtful', waived: 'doubtful' },
  ...{ blocked: 'bad', failed: 'bad', killed: 'bad', fail: 'bad', error: 'bad', contested: 'bad', 'not met': 'bad' },
};

/** Colours a text by what a word of it means; on anything but a terminal the text stays as it is. */
export type Paint = (text: string, word?: string) => string;

export function paintFor(out: Output): Paint {
  const { green, yellow, red } = pc.createColors(out.isTTY === true);
  const colors = { good: green, doubtful: yellow, bad: red };
  return (text, word = text) => {
    const tone = TONES[word];
    return tone === undefined ? text : colors[tone](text);
  };
}

export const noPaint: Paint = (text) => text;
