import { makeInstallName } from './data-folder.js';

describe('the name of an installation', () => {
  it.each([
    ['My-Host.local', /^my-host-local-[0-9a-f]{6}$/],
    ['__', /^host-[0-9a-f]{6}$/],
    ['x'.repeat(200), /^x{40}-[0-9a-f]{6}$/],
    [`${'x'.repeat(39)}-y`, /^x{39}-[0-9a-f]{6}$/],
    ['żółw', /^w-[0-9a-f]{6}$/],
  ])('made of %j is one that an origin takes', (host, wanted) => {
    const name = makeInstallName(host);
    expect(name).toMatch(wanted);
    expect(name).toMatch(/^[a-z0-9][a-z0-9.-]{0,62}$/);
  });

  it('differs between two installations of one host', () => {
    expect(makeInstallName('a')).not.toBe(makeInstallName('a'));
  });
});
