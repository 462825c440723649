declare module 'kafkajs/src/network/requestQueue/index.js' {
  interface RequestQueue {
    readonly pending: readonly unknown[];
    /** Milliseconds since 1970 until which the broker wants no request; -1 at first. */
    throttledUntil: number;
    readonly throttleCheckTimeoutId: NodeJS.Timeout | null;
    scheduleCheckPendingRequests(): void;
    checkPendingRequests(): void;
    push(request: {
      readonly entry: { readonly correlationId: number };
      readonly expectResponse: boolean;
      readonly sendRequest: () => void;
    }): void;
    destroy(): void;
  }
  /** A part of kafkajs that it does not export. */
  const RequestQueue: {
    readonly prototype: RequestQueue;
    new (options: object): RequestQueue;
  };
  export default RequestQueue;
}
