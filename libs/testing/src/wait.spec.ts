import { findFreePort } from './postgres-server.js';
import { waitFor } from './wait.js';

describe('waitFor', () => {
  it('returns the first value that is there, 0 and empty texts included', async () => {
    let asked = 0;
    expect(await waitFor('the third look', () => (++asked < 3 ? null : 0))).toBe(0);
    expect(asked).toBe(3);
  });

  it('throws after the limit and says what it waited for', async () => {
    await expect(waitFor('nothing', () => false, 30)).rejects.toThrow('Waited 30 ms in vain for: nothing');
  });
});

describe('findFreePort', () => {
  it('gives ports that can be listened on', async () => {
    const ports = await Promise.all([findFreePort(), findFreePort()]);
    for (const port of ports) expect(port).toBeGreaterThan(1023);
  });
});
