import type { Material, Run } from './answers.js';
import { formatBytes, NONE, plural, words } from './formatting.js';
import { Hash, Seq } from './hash.js';
import { Scroll } from './scroll.js';

const byConfig = (isConfig: boolean) => (material: Material) => (material.kind === 'config') === isConfig;

/** What went in and what came out, each with its hash and the record that states it. */
export function HashesSection({ run }: { run: Run }) {
  return (
    <section aria-labelledby="hashes">
      <h2 id="hashes">Hashes</h2>
      <Materials
        title="Inputs"
        none="No input is recorded: gate G6 will say so."
        items={run.inputs.filter(byConfig(false))}
      />
      <Materials title="Configuration" none="No configuration is recorded." items={run.inputs.filter(byConfig(true))} />
      <Materials title="Outputs" none="No output is recorded." items={run.outputs} />
    </section>
  );
}

function Materials({ title, none, items }: { title: string; none: string; items: readonly Material[] }) {
  if (items.length === 0) {
    return (
      <>
        <h3>{title}</h3>
        <p className="soft">{none}</p>
      </>
    );
  }
  return (
    <Scroll label={title}>
      <table className="materials">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Path</th>
            <th scope="col">Hash</th>
            <th scope="col">Record</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item, index) => (
            <MaterialRow key={index} item={item} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function MaterialRow({ item }: { item: Material }) {
  const { name, role } = item;
  const what = `${words(item.kind)}${role && role !== item.kind ? ` (${words(role)})` : ''}`;
  return (
    <tr>
      <th scope="row">
        {what}
        {name && name !== item.path && <span className="under">{name}</span>}
        {item.isAsserted && <span className="under warn">partly stated, not read</span>}
      </th>
      <td className="path">{item.path ?? <span className="soft">{NONE}</span>}</td>
      <td>
        <Hash value={item.digest} of={`the hash of ${what}`} />
        {item.otherHashes.map(([label, hash]) => (
          <span className="under" key={label}>
            {label}: <Hash value={hash} of={`${what}, ${label}`} />
          </span>
        ))}
        {item.files.length > 0 && <Files item={item} />}
      </td>
      <td>
        <Seq seq={item.seq} />
      </td>
    </tr>
  );
}

function Files({ item }: { item: Material }) {
  return (
    <details>
      <summary>{plural(item.files.length, 'file')}</summary>
      <ul className="files">
        {item.files.map((file) => (
          <li key={file.path}>
            {file.path} <span className="soft">{formatBytes(file.size_bytes)}</span>{' '}
            <Hash value={file.digest} of={`the hash of ${file.path}`} />
          </li>
        ))}
      </ul>
    </details>
  );
}
