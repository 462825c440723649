/**
 * Shapes of credentials that are told by their look alone. Sources: the formats that their issuers document. Each pattern takes
 * time in proportion to the text, whatever a sender puts in it: what may stand before a match, or how far one reaches, is bounded.
 */
const SHAPES: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  { name: 'a Hugging Face token (hf_…)', pattern: /\bhf_[A-Za-z0-9]{30,}/ },
  { name: 'an API key (sk-…)', pattern: /\bsk-(?:[A-Za-z0-9_]{1,40}-){0,4}(?=[A-Za-z_]{0,40}[0-9])[A-Za-z0-9_]{20}/ },
  { name: 'an AWS access key id (AKIA…)', pattern: /\bAKIA[0-9A-Z]{16}\b/ },
  {
    name: 'a JSON Web Token',
    pattern: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8}/,
  },
  { name: 'a private key (PEM)', pattern: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/ },
];

const ANY_SHAPE = new RegExp(SHAPES.map(({ pattern }) => pattern.source).join('|'));

export interface FoundSecret {
  /** JSON pointer into the payload. */
  readonly path: string;
  /** What it looks like. The value itself is never repeated. */
  readonly kind: string;
}

/** The first member of a payload, name or value, that looks like a credential; null where none does. */
export function findSecret(payload: unknown, canonicalText: string): FoundSecret | null {
  // One look at the whole text is enough for nearly every payload.
  return ANY_SHAPE.test(canonicalText) ? walk(payload, '') : null;
}

function walk(value: unknown, path: string): FoundSecret | null {
  if (typeof value === 'string') {
    const kind = kindOf(value);
    return kind === null ? null : { path, kind };
  }
  if (value === null || typeof value !== 'object') return null;
  for (const [name, member] of Object.entries(value)) {
    const kind = kindOf(name);
    // A name that is a credential must not be repeated in the path either.
    const found =
      kind === null ? walk(member, `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`) : { path, kind };
    if (found) return found;
  }
  return null;
}

function kindOf(text: string): string | null {
  return SHAPES.find(({ pattern }) => pattern.test(text))?.name ?? null;
}
