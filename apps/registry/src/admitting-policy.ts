/** Whether a policy in its normalised form lets a run become a candidate whose blocking gates were overridden. */
export function admitsOverridden(normalised: string): boolean {
  try {
    const policy = JSON.parse(normalised) as { readonly overridden?: unknown } | null;
    return policy?.overridden === 'admits';
  } catch {
    return false; // gates alone seal policies; whatever else stands there lets nothing through
  }
}
