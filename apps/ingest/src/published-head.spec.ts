import { Frontier, signHead } from '@runseal/chain';
import { generateEd25519, sha256 } from '@runseal/chain/node';
import { noteSigner, type HeadStore } from '@runseal/ledger';
import { PublishedHead } from './published-head.js';

const identity = { install: 'test', ledger: 'default', privateKey: generateEd25519().privateKey };

/** A store in memory that counts what it is asked for and can be cut off. */
class MemoryStore implements HeadStore {
  readonly names = new Map<string, string>();
  readonly asked: string[] = [];
  isAway = false;

  createIfAbsent(name: string, content: string): Promise<boolean> {
    const isNew = !this.names.has(name);
    if (isNew) this.names.set(name, content);
    return Promise.resolve(isNew);
  }

  read(name: string): Promise<string | null> {
    this.asked.push(name);
    return this.isAway ? Promise.reject(new Error('away')) : Promise.resolve(this.names.get(name) ?? null);
  }

  async publish(epoch: number, number: number, { size = number + 1, signedBy = identity } = {}): Promise<void> {
    const frontier = new Frontier(sha256);
    for (let n = 0; n < size; n++) frontier.append(sha256(Uint8Array.of(n)));
    const head = { origin: `test/default/${epoch}`, size, root: frontier.root() };
    await this.createIfAbsent(`${epoch}/${number}`, signHead(head, [noteSigner(signedBy, epoch)]));
  }
}

describe('the published head', () => {
  let store: MemoryStore;
  beforeEach(() => {
    store = new MemoryStore();
  });
  const headOf = (kept_ms = 0) => new PublishedHead(store, identity, kept_ms);

  it('is null before head 0', async () => {
    expect(await headOf().find()).toBeNull();
  });

  it('is the one of the highest number, and follows as others publish, into the next epoch too', async () => {
    for (let number = 0; number < 5; number++) await store.publish(0, number);
    const head = headOf();
    expect((await head.find())?.stored).toMatchObject({ epoch: 0, number: 4 });
    await store.publish(0, 5);
    await store.publish(0, 6);
    expect((await head.find())?.head.size).toBe(7);
    await store.publish(1, 0, { size: 3 });
    await store.publish(1, 1, { size: 4 });
    expect(await head.find()).toMatchObject({ stored: { epoch: 1, number: 1 }, head: { size: 4 } });
  });

  it('costs the store two looks where nothing is new, and none within the time that it is kept', async () => {
    for (let number = 0; number < 100; number++) await store.publish(0, number);
    const head = headOf();
    await head.find();
    store.asked.length = 0;
    await head.find();
    expect(store.asked).toEqual(['0/100', '1/0']);
    const kept = headOf(60_000);
    await kept.find();
    store.asked.length = 0;
    await kept.find();
    expect(store.asked).toEqual([]);
  });

  it('rejects while the store is away, and answers again afterwards', async () => {
    await store.publish(0, 0);
    const head = headOf();
    await head.find();
    store.isAway = true;
    await expect(head.find()).rejects.toThrow('away');
    store.isAway = false;
    expect((await head.find())?.head.size).toBe(1);
  });

  it('is never one that another key signed', async () => {
    await store.publish(0, 0);
    await store.publish(0, 1, { signedBy: { ...identity, privateKey: generateEd25519().privateKey } });
    await expect(headOf().find()).rejects.toMatchObject({ name: 'NoteError' });
  });

  it('is never one whose root was changed after it was signed', async () => {
    await store.publish(0, 0);
    const lines = store.names.get('0/0')!.split('\n');
    lines[2] = Buffer.alloc(32, 7).toString('base64');
    store.names.set('0/0', lines.join('\n'));
    await expect(headOf().find()).rejects.toMatchObject({ name: 'NoteError' });
  });
});
