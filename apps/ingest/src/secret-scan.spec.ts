import { createHash, randomBytes } from 'node:crypto';
import { findSecret } from './secret-scan.js';

const find = (payload: unknown) => findSecret(payload, JSON.stringify(payload));
const letters = (count: number) => 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7'.repeat(Math.ceil(count / 27)).slice(0, count);
const token = (claims: object) => Buffer.from(JSON.stringify(claims)).toString('base64url');
const jwt = `${token({ alg: 'HS256', typ: 'JWT' })}.${token({ sub: '1234567890' })}.${letters(43)}`;
const pem = (label: string) => `-----BEGIN ${label}-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END ${label}-----`;

describe('a secret is found', () => {
  it.each([
    ['a Hugging Face token', `hf_${letters(34)}`, 'Hugging Face'],
    ['an OpenAI key of the old form', `sk-${letters(48)}`, 'sk-'],
    ['an OpenAI project key, with _ and - inside', `sk-proj-aB_3${letters(20)}-${letters(50)}_${letters(30)}-x`, 'sk-'],
    ['an Anthropic key', `sk-ant-api03-${letters(40)}-${letters(40)}-AA`, 'sk-'],
    ['a key of 32 lower-case hex digits', `sk-${createHash('md5').update('x').digest('hex')}`, 'sk-'],
    ['an AWS access key id', 'AKIAIOSFODNN7EXAMPLE', 'AWS'],
    ['a JSON Web Token', jwt, 'Web Token'],
    ['a private key', pem('PRIVATE KEY'), 'PEM'],
    ['a private key of a named kind', pem('RSA PRIVATE KEY'), 'PEM'],
    ['an OpenSSH private key', pem('OPENSSH PRIVATE KEY'), 'PEM'],
    ['an encrypted private key', pem('ENCRYPTED PRIVATE KEY'), 'PEM'],
  ])('that is %s, alone and inside other text, and its value is not repeated', (_what, secret, kind) => {
    for (const text of [secret, `--token=${secret} --next`, `"${secret}"`, `https://user:${secret}@host/`]) {
      const found = find({ parameters: { list: ['plain', text] } });
      expect(found).toEqual({ path: '/parameters/list/1', kind: expect.stringContaining(kind) });
      expect(JSON.stringify(found)).not.toContain(secret.slice(0, 12));
    }
  });

  it('in the name of a member, whose path then stops above it', () => {
    const secret = `hf_${letters(34)}`;
    expect(find({ tags: { [secret]: 'x' } })).toEqual({ path: '/tags', kind: expect.any(String) });
  });

  it('below names that a JSON pointer escapes', () => {
    expect(find({ 'a/b': { 'c~d': `hf_${letters(34)}` } })?.path).toBe('/a~1b/c~0d');
  });

  it('as the first of several', () => {
    expect(find({ a: 'x', b: 'AKIAIOSFODNN7EXAMPLE', c: jwt })?.path).toBe('/b');
  });
});

describe('ordinary text is no secret', () => {
  it.each([
    'sk-learn',
    'sk-learn-contrib==1.2.0',
    'sk-learn-internationalization-of-everything',
    'task-sk-1 of the whole-disk-encryption-benchmark',
    'hf_hub_download',
    'hf_transfer',
    'HF_HUB_ENABLE_HF_TRANSFER',
    'meta-llama/Llama-3.1-8B-Instruct',
    'AKIA',
    'AKIARIVER',
    'eyJhbGciOiJIUzI1NiJ9',
    'eyJhbGciOiJIUzI1NiJ9.not a token',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
    '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----',
    `sha256:${'0123456789abcdef'.repeat(4)}`,
    createHash('sha1').update('commit').digest('hex'),
    '019bf9da-6cbb-7612-ad91-28bfd97acf8e',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ example',
    '/mnt/disk-1/checkpoint-1000/adapter_model.safetensors',
  ])('such as %j', (text) => {
    expect(find({ text, [text]: text })).toBeNull();
  });

  it('nor are numbers, null, lists of them, and blobs of base64', () => {
    for (let count = 0; count < 200; count++) {
      const bytes = randomBytes(300);
      const texts = [bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')];
      // A blob may hold a shape by chance, about once in 10^9 characters: then this test would be wrong, not the scan.
      expect(find({ texts, n: 0.1, nothing: null, list: [1, null, true] })).toBeNull();
    }
  });
});

it.each(['sk-', 'sk-a-', 'sk-aaaaaaaaaaaaaaaaaaa-', 'eyJ-', 'eyJ', 'eyJaaaaaaaa.', 'hf_', '-----BEGIN ', 'A ', 'AKIA'])(
  'text of nothing but %j takes time in proportion to its length',
  (unit) => {
    const measure = (length: number) => {
      const text = `-----BEGIN ${unit.repeat(length / unit.length)}`;
      const start = performance.now();
      find({ text });
      return performance.now() - start;
    };
    measure(10_000);
    // 700 kB: in time that grows by the square it would be minutes.
    expect(measure(700_000)).toBeLessThan(1_000);
  },
);
