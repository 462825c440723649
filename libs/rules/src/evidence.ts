import { escapePointer } from './draft.js';
import type { MaybeFact } from './run-facts.js';

type Leaf = string | number | boolean;

/** A document whose leaves are facts, each with the record that it comes from. */
export type Sourced<Document> = [Document] extends [Leaf | null]
  ? MaybeFact<NonNullable<Document>>
  : Document extends readonly (infer Item)[]
    ? readonly Sourced<Item>[]
    : Document extends object
      ? { readonly [Member in keyof Document]: Sourced<Document[Member]> }
      : null;

/** Takes the facts apart: the plain document, and by JSON pointer (RFC 6901) where each leaf that is not null comes from. */
export function settleEvidence<Document>(sourced: Sourced<Document>): {
  record: Document;
  evidence: Record<string, number>;
  asserted: string[];
} {
  const evidence: Record<string, number> = {};
  const asserted: string[] = [];
  const settle = (node: unknown, pointer: string): unknown => {
    if (node === null) return null;
    if (Array.isArray(node)) return node.map((item, index) => settle(item, `${pointer}/${index}`));
    const found = node as Record<string, unknown> & { value?: unknown; seq?: unknown };
    if ('value' in found && typeof found.seq === 'number') {
      if (found.seq >= 0) evidence[pointer] = found.seq;
      if (found['asserted'] === true) asserted.push(pointer);
      return found.value;
    }
    return Object.fromEntries(
      Object.entries(found).map(([name, member]) => [name, settle(member, `${pointer}/${escapePointer(name)}`)]),
    );
  };
  return { record: settle(sourced, '') as Document, evidence, asserted };
}
