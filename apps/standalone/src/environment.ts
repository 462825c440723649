/** The settings of this process. The only reader of process.env. */
export function readStandaloneEnvironment(): { readonly configHome: string | undefined } {
  return { configHome: process.env['XDG_CONFIG_HOME'] };
}
