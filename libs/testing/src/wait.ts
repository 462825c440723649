/** Waits until `condition` returns something other than false, null or undefined, and returns it; throws after `limit_ms`. */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  limit_ms = 20_000,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = Date.now() + limit_ms;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value as Exclude<T, false | null | undefined>;
    if (Date.now() > deadline) throw new Error(`Waited ${limit_ms} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
