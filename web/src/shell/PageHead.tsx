export function PageHead({ title, about }: { title: string; about?: string }) {
  return (
    <header className="page-head">
      <h1>{title}</h1>
      {about && <p className="muted">{about}</p>}
    </header>
  );
}
