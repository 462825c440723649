import {
  choice,
  describeEnvironment,
  EnvironmentError,
  flag,
  integer,
  readEnvironment,
  secret,
  string,
  url,
} from './configuration.js';

const spec = {
  RUNSEAL_PORT: integer({ min: 0, max: 65_535, default: 7451, help: 'Port to listen on' }),
  RUNSEAL_NAME: string({ pattern: /^[a-z]+$/, help: 'Name' }),
  RUNSEAL_DATABASE_URL: url({ schemes: ['postgres', 'postgresql'], help: 'Database' }),
  RUNSEAL_LOG_LEVEL: choice({ of: ['info', 'debug'], default: 'info', help: 'Least level' }),
  RUNSEAL_OPEN: flag({ default: false, help: 'Open' }),
  RUNSEAL_SECRET: secret({ lengthMin: 8, help: 'Secret' }),
};
const good = {
  RUNSEAL_NAME: 'abc',
  RUNSEAL_DATABASE_URL: 'postgres://u:p@h/d',
  RUNSEAL_SECRET: 'long enough',
  HOME: '/',
};
const faultsOf = (env: Record<string, string>): readonly string[] => {
  try {
    readEnvironment(env, spec);
  } catch (error) {
    if (error instanceof EnvironmentError) return error.faults;
    throw error;
  }
  return [];
};

describe('readEnvironment', () => {
  it('gives typed values and defaults', () => {
    const values = readEnvironment({ ...good, RUNSEAL_PORT: '80', RUNSEAL_LOG_LEVEL: '', RUNSEAL_OPEN: '1' }, spec);
    const level: 'info' | 'debug' = values.RUNSEAL_LOG_LEVEL;
    expect({ ...values, level }).toEqual({
      RUNSEAL_PORT: 80,
      RUNSEAL_NAME: 'abc',
      RUNSEAL_DATABASE_URL: 'postgres://u:p@h/d',
      RUNSEAL_LOG_LEVEL: 'info',
      RUNSEAL_OPEN: true,
      RUNSEAL_SECRET: 'long enough',
      level: 'info',
    });
  });

  it('lists all faults at once and repeats no secret', () => {
    const env = {
      RUNSEAL_PORT: '70000',
      RUNSEAL_NAME: 'ABC',
      RUNSEAL_DATABASE_URL: 'mysql://u:hunter2@h/d',
      RUNSEAL_LOG_LEVEL: 'loud',
      RUNSEAL_OPEN: 'yes',
      RUNSEAL_SECRET: 'hunter2',
      RUNSEAL_PROT: '7451',
    };
    const faults = faultsOf(env);
    expect(faults).toEqual([
      'RUNSEAL_PORT is "70000"; wanted integer 0 to 65535',
      'RUNSEAL_NAME is "ABC"; wanted text like ^[a-z]+$',
      'RUNSEAL_DATABASE_URL is a value that cannot be read; wanted URL postgres:// or postgresql://',
      'RUNSEAL_LOG_LEVEL is "loud"; wanted one of info, debug',
      'RUNSEAL_OPEN is "yes"; wanted 1, 0, true or false',
      'RUNSEAL_SECRET is a value that cannot be read; wanted at least 8 characters',
      'RUNSEAL_PROT is unknown; did you mean RUNSEAL_PORT?',
    ]);
    expect(faults.join()).not.toContain('hunter2');
  });

  it('names what must be set', () => {
    expect(faultsOf({})).toEqual([
      'RUNSEAL_NAME is not set; wanted text like ^[a-z]+$',
      'RUNSEAL_DATABASE_URL is not set; wanted URL postgres:// or postgresql://',
      'RUNSEAL_SECRET is not set; wanted at least 8 characters',
    ]);
  });

  it.each(['1e3', '0x10', ' 80', '80 ', '8.0', '', '9'.repeat(20)])('does not take %j for an integer', (text) => {
    const port = { RUNSEAL_PORT: integer({ min: 0, max: 65_535, help: 'Port' }) };
    expect(() => readEnvironment({ RUNSEAL_PORT: text }, port)).toThrow('RUNSEAL_PORT');
  });

  it('leaves alone what belongs to others: other programs, and the links that Kubernetes sets', () => {
    const links = {
      RUNSEAL_INGEST_SERVICE_HOST: '10.0.0.1',
      RUNSEAL_INGEST_PORT: 'tcp://10.0.0.1:80',
      RUNSEAL_INGEST_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect(readEnvironment({ ...good, ...links, RUNSEAL_URL: 'x' }, spec, ['RUNSEAL_URL']).RUNSEAL_NAME).toBe('abc');
    expect(faultsOf({ ...good, RUNSEAL_URL: 'x' })).toEqual(['RUNSEAL_URL is unknown']);
  });

  it('describes its variables as a table', () => {
    expect(describeEnvironment(spec).split('\n').slice(2, 5)).toEqual([
      '| `RUNSEAL_PORT` | integer 0 to 65535 | `7451` | Port to listen on |',
      '| `RUNSEAL_NAME` | text like ^[a-z]+$ | required | Name |',
      '| `RUNSEAL_DATABASE_URL` | URL postgres:// or postgresql://, secret | required | Database |',
    ]);
  });
});
