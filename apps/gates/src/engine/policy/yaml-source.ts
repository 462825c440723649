import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Document,
  type Node,
  type Pair,
} from 'yaml';

/** A place in a policy that cannot be taken; lines and columns count from 1. */
export interface PolicyFault {
  readonly line: number;
  readonly column: number;
  readonly found: string;
  readonly wanted: string;
}

/** Thrown with every fault found in a policy. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';

  constructor(readonly faults: readonly PolicyFault[]) {
    const [first] = faults;
    super(
      first
        ? `Line ${first.line}, column ${first.column}: found ${first.found}, wanted ${first.wanted}.`
        : 'No policy.',
    );
  }
}

export interface Member {
  readonly key: string;
  readonly keyNode: Node;
  readonly value: Node | null;
}

const SOURCE_MAX = 65_536;
const FAULTS_MAX = 20;

/** A policy's YAML with the places of what stands in it; gathers faults instead of stopping at the first. */
export class YamlSource {
  readonly root: Node | null;
  readonly faults: PolicyFault[] = [];
  private readonly lines = new LineCounter();

  /** Plain data only: no aliases, tags, merges or repeated keys, one document. */
  constructor(readonly text: string) {
    this.root = null;
    if (text.length > SOURCE_MAX) {
      this.faults.push({ line: 1, column: 1, found: `${text.length} characters`, wanted: `at most ${SOURCE_MAX}` });
      return;
    }
    const documents = parseAllDocuments(text, { lineCounter: this.lines, schema: 'core', logLevel: 'silent' });
    const [document, second] = Array.isArray(documents) ? documents : [];
    if (second) this.faultAt(second.range[0], 'a second document', 'one document');
    for (const error of [...(document?.errors ?? []), ...(document?.warnings ?? [])]) {
      this.faultAt(error.pos[0], tellFault(error.message), 'YAML');
    }
    this.root = rootOf(document);
    if (!this.root) this.fault(null, 'nothing', 'a policy');
  }

  /** Throws what was found so far. */
  check(): void {
    if (this.faults.length > 0) throw new PolicyError(this.faults.slice(0, FAULTS_MAX));
  }

  fault(node: Node | null, found: string, wanted: string): void {
    this.faultAt(node?.range?.[0] ?? 0, found, wanted);
  }

  /** The members of a mapping; a fault and none where it is something else. */
  members(node: Node | null, wanted: string): readonly Member[] {
    if (!isMap(node)) {
      this.fault(node, this.tell(node), wanted);
      return [];
    }
    return (node.items as Pair<Node, Node | null>[]).flatMap(({ key, value }) => {
      if (isScalar(key) && typeof key.value === 'string') return [{ key: key.value, keyNode: key, value }];
      this.fault(key, this.tell(key), 'a name');
      return [];
    });
  }

  items(node: Node | null, wanted: string): readonly Node[] {
    if (isSeq(node)) return node.items as Node[];
    this.fault(node, this.tell(node), wanted);
    return [];
  }

  scalar(node: Node | null): unknown {
    return isScalar(node) ? node.value : undefined;
  }

  /** What stands there, for messages. */
  tell(node: Node | null | undefined): string {
    if (!node) return 'nothing';
    if (isMap(node)) return 'a mapping';
    if (isSeq(node)) return 'a list';
    if (isAlias(node)) return 'an alias';
    if (!isScalar(node)) return 'something else';
    return typeof node.value === 'number'
      ? String(node.value)
      : (JSON.stringify(node.value) ?? 'nothing').slice(0, 100);
  }

  private faultAt(offset: number, found: string, wanted: string): void {
    const { line, col } = this.lines.linePos(offset);
    this.faults.push({ line: Math.max(1, line), column: Math.max(1, col), found, wanted });
  }
}

const tellFault = (message: string): string =>
  message.includes('call stack')
    ? 'lists or mappings nested too deep'
    : (message.split('\n')[0] ?? '').replace(/ at line .*$/, '');

const rootOf = (document: Document.Parsed | undefined): Node | null =>
  document && !isAlias(document.contents) ? (document.contents as Node | null) : null;
