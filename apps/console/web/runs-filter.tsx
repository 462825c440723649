import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useState, type ReactNode } from 'react';
import { useExperiments, type RunsSearch } from './queries.js';

const route = getRouteApi('/');

const STATES = ['running', 'finished', 'failed', 'killed', 'lost'];
const SORTS = [
  ['', 'newest first'],
  ['-started_at', 'started last'],
  ['started_at', 'started first'],
  ['final_loss', 'lowest final loss'],
  ['eval_loss', 'lowest eval loss'],
  ['-duration_seconds', 'longest'],
  ['name', 'name'],
] as const;
const TYPING_MS = 300;

/** The filter stands in the address, so that it can be sent to somebody else. A change begins at the first page. */
export function RunsFilter({ search }: { search: RunsSearch }) {
  const navigate = route.useNavigate();
  const experiments = useExperiments();
  const change = (name: keyof RunsSearch, value: string) => {
    const { cursor: _cursor, [name]: _old, ...rest } = search;
    void navigate({ search: value === '' ? rest : { ...rest, [name]: value }, replace: name === 'q' });
  };
  const names = experiments.data?.items ?? [];
  const chosen = search.experiment;
  return (
    <form className="filter" role="search" aria-label="Filter runs" onSubmit={(event) => event.preventDefault()}>
      <SearchField value={search.q ?? ''} onChange={(value) => change('q', value)} />
      <Choice label="State" value={search.state ?? ''} onChange={(value) => change('state', value)}>
        <option value="">any</option>
        {STATES.map((state) => (
          <option key={state}>{state}</option>
        ))}
      </Choice>
      <Choice label="Experiment" value={chosen ?? ''} onChange={(value) => change('experiment', value)}>
        <option value="">any</option>
        {(chosen === undefined || names.includes(chosen) ? names : [chosen, ...names]).map((name) => (
          <option key={name}>{name}</option>
        ))}
      </Choice>
      <Choice label="Order" value={search.sort ?? ''} onChange={(value) => change('sort', value)}>
        {SORTS.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </Choice>
    </form>
  );
}

function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  // The address changed by other means, as by the browser's back button.
  if (known !== value) {
    setKnown(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => onChange(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);
  return (
    <label>
      Find
      <input
        type="search"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        placeholder="name, id, experiment or model"
      />
    </label>
  );
}

interface ChoiceProperties {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly children: ReactNode;
}

function Choice({ label, value, onChange, children }: ChoiceProperties) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {children}
      </select>
    </label>
  );
}
