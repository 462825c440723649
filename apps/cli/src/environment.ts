/** What the CLI takes from the environment. The only reader of process.env. */
export interface Environment {
  readonly url: string | undefined;
  readonly apiKey: string | undefined;
  /** XDG_CONFIG_HOME, where known-logs lies. */
  readonly configHome: string | undefined;
}

export function readEnvironment(): Environment {
  return {
    url: process.env['RUNSEAL_URL'] || undefined,
    apiKey: process.env['RUNSEAL_API_KEY'] || undefined,
    configHome: process.env['XDG_CONFIG_HOME'] || undefined,
  };
}
