/** The part of autocannon that is used here; it brings no types. */
declare module 'autocannon' {
  export interface Request {
    body?: string;
  }
  export interface Client {
    setBody(body: string): void;
  }
  export interface Options {
    readonly url: string;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly requests: readonly { readonly setupRequest: (request: Request) => Request }[];
  }
  export interface Result {
    readonly '2xx': number;
    readonly non2xx: number;
    readonly errors: number;
    readonly timeouts: number;
    /** Seconds. */
    readonly duration: number;
  }
  export default function autocannon(options: Options): Promise<Result>;
}
