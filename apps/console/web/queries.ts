import { keepPreviousData, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useRef } from 'react';
import type { Metrics, Page, Resources, Run, RunItem, Status, Verdict, WhoAmI } from './answers.js';
import { readHeadNote, type SignedHead } from './head-note.js';
import { readExperiment, readMetrics, readPage, readRun, readRunItem, readStatus, readWhoAmI } from './read-answers.js';
import { readResources } from './read-resources.js';
import { readVerdicts } from './read-verdicts.js';
import { get, getJson, Problem } from './request.js';
import { useKey } from './session.js';

/** How often something that changes is asked for. EventSource cannot send a key in a header, so the page asks. */
const LIVE_MS = 2_000;
const CALM_MS = 10_000;

const paceOf = (isLive: boolean): number => (isLive ? LIVE_MS : CALM_MS);

export interface RunsSearch {
  readonly q?: string;
  readonly state?: string;
  readonly experiment?: string;
  readonly sort?: string;
  readonly cursor?: string;
}

export const RUNS_PER_PAGE = 25;

export function useRuns(search: RunsSearch): UseQueryResult<Page<RunItem>> {
  const query = new URLSearchParams({ limit: String(RUNS_PER_PAGE) });
  for (const [name, value] of Object.entries(search)) if (value) query.set(name, value);
  return useQuery({
    queryKey: ['runs', query.toString()],
    queryFn: async () => readPage(await getJson(`/v1/runs?${query}`), readRunItem),
    refetchInterval: ({ state }) => paceOf(state.data?.items.some((run) => run.state === 'running') ?? true),
    placeholderData: keepPreviousData,
  });
}

export function useExperiments(): UseQueryResult<Page<string>> {
  return useQuery({
    queryKey: ['experiments'],
    queryFn: async () => readPage(await getJson('/v1/experiments?limit=100'), readExperiment),
    refetchInterval: CALM_MS,
  });
}

const pathOf = (id: string): string => `/v1/runs/${encodeURIComponent(id)}`;

export function useRun(id: string): UseQueryResult<Run> {
  return useQuery({
    queryKey: ['run', id],
    queryFn: async () => readRun(await getJson(pathOf(id))),
    // A verdict follows within moments of the end.
    refetchInterval: ({ state }) => paceOf(state.data?.state === 'running' || state.data?.overall === null),
  });
}

export function useMetrics(id: string, isLive: boolean): UseQueryResult<Metrics> {
  return useQuery({
    queryKey: ['metrics', id],
    queryFn: async () => readMetrics(await getJson(`${pathOf(id)}/metrics?points=1000`)),
    refetchInterval: paceOf(isLive),
  });
}

/** Samples come every few seconds at most. */
export function useResources(id: string, isLive: boolean): UseQueryResult<Resources> {
  return useQuery({
    queryKey: ['resources', id],
    queryFn: async () => readResources(await getJson(`${pathOf(id)}/resources?points=300`)),
    refetchInterval: isLive ? CALM_MS : false,
  });
}

export function useVerdicts(id: string, isLive: boolean): UseQueryResult<Verdict[]> {
  return useQuery({
    queryKey: ['verdicts', id],
    // To the gates a run is unknown before they have read its start: that is no verdict yet, and no failure.
    queryFn: () =>
      getJson(`${pathOf(id)}/gates`).then(readVerdicts, (error: unknown) => {
        if (error instanceof Problem && error.status === 404) return [];
        throw error;
      }),
    refetchInterval: ({ state }) => paceOf(isLive || !state.data?.length),
  });
}

export function useWhoAmI(): UseQueryResult<WhoAmI> {
  const key = useKey();
  return useQuery({
    queryKey: ['whoami'],
    queryFn: async () => readWhoAmI(await getJson('/v1/whoami')),
    enabled: key !== null,
    staleTime: Infinity,
  });
}

export function useStatus(): UseQueryResult<Status> {
  const key = useKey();
  return useQuery({
    queryKey: ['status'],
    queryFn: async () => readStatus(await getJson('/v1/status')),
    enabled: key !== null,
    refetchInterval: LIVE_MS,
  });
}

/** The newest signed head, and when this page first saw it: a head itself carries no time. */
export function useHead(ledger: string | undefined): UseQueryResult<(SignedHead & { seenAt: string }) | null> {
  const seen = useRef<(SignedHead & { seenAt: string }) | null>(null);
  return useQuery({
    queryKey: ['head', ledger],
    queryFn: async () => {
      const head = readHeadNote(await (await get(`/v1/log/${ledger}/checkpoint`)).text());
      const isNew = head?.origin !== seen.current?.origin || head?.size !== seen.current?.size;
      if (isNew) seen.current = head && { ...head, seenAt: new Date().toISOString() };
      return seen.current;
    },
    enabled: ledger !== undefined,
    refetchInterval: LIVE_MS,
  });
}
