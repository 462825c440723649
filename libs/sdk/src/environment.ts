/** What the environment says to the SDK; every member is absent where its variable is unset or empty. */
export interface SdkEnvironment {
  url?: string;
  apiKey?: string;
  runId?: string;
  experiment?: string;
  drain_s?: string;
  caFile?: string;
  spoolDir?: string;
  disabled?: string;
}

const variables = {
  url: 'RUNSEAL_URL',
  apiKey: 'RUNSEAL_API_KEY',
  runId: 'RUNSEAL_RUN_ID',
  experiment: 'RUNSEAL_EXPERIMENT',
  drain_s: 'RUNSEAL_DRAIN_S',
  caFile: 'RUNSEAL_CA_FILE',
  spoolDir: 'RUNSEAL_SPOOL_DIR',
  disabled: 'RUNSEAL_DISABLED',
} as const satisfies Record<keyof SdkEnvironment, string>;

/** Reads the SDK's variables; the only place of the SDK that touches the environment. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): SdkEnvironment {
  const set = Object.entries(variables).filter(([, variable]) => env[variable]);
  return Object.fromEntries(set.map(([member, variable]) => [member, env[variable]]));
}
