"""Certificates for the tests, made with the openssl command."""

import hashlib
import subprocess
from pathlib import Path

import grpc

from harness.processes import TLSFiles

DAYS = "2"


class Authority:
    """A certificate authority and what it issued, in one folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self.cert = folder / f"{name}.crt"
        self.key = folder / f"{name}.key"
        _openssl(
            *("req", "-x509", "-new", "-nodes", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:P-256", "-days", DAYS, "-subj", f"/CN={name}"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", self.key, "-out", self.cert),
        )

    def issue(
        self,
        name: str,
        *,
        client: bool = False,
        subject: str | None = None,
        names: list[str] | None = None,
    ) -> tuple[Path, Path]:
        """A certificate and key: of a server on this machine, or of a client whose CN is `name`.

        `subject` replaces `/CN=name`, `names` are a client's alternative names, as `DNS:a`, `URI:b`.
        """
        cert, key, request, extensions = (
            self.folder / f"{self.name}-{name}.{ending}" for ending in ("crt", "key", "csr", "ext")
        )
        _openssl(
            *("req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-subj", subject or f"/CN={name}", "-keyout", key, "-out", request),
        )
        usage = "clientAuth" if client else "serverAuth"
        names = names if client else [*(names or []), "DNS:localhost", "IP:127.0.0.1"]
        alternatives = f"subjectAltName={','.join(names)}\n" if names else ""
        extensions.write_text(f"extendedKeyUsage={usage}\n{alternatives}")
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key),
            *("-CAcreateserial", "-days", DAYS, "-extfile", extensions, "-out", cert),
        )
        return cert, key

    def revoke(self, *certificates: Path) -> Path:
        """The authority's list of all certificates revoked so far, with these; made anew."""
        index, number = self.folder / f"{self.name}.index", self.folder / f"{self.name}.crlnumber"
        config = self.folder / f"{self.name}.cnf"
        if not index.exists():
            index.write_text("")
            number.write_text("01\n")
            config.write_text(
                "[ca]\ndefault_ca=d\n[d]\n"
                f"database={index}\ncrlnumber={number}\ndefault_md=sha256\n"
            )
        common = ("-config", config, "-cert", self.cert, "-keyfile", self.key)
        for certificate in certificates:
            _openssl("ca", *common, "-revoke", certificate)
        made = self.folder / f"{self.name}.crl.new"
        _openssl("ca", *common, "-gencrl", "-crldays", DAYS, "-out", made)
        return made.replace(self.folder / f"{self.name}.crl")

    def key_digest(self) -> str:
        """SHA-256 of the authority's public key, in hexadecimal: the identity `authority`."""
        public = _openssl("x509", "-in", self.cert, "-pubkey", "-noout")
        der = subprocess.run(
            ["openssl", "pkey", "-pubin", "-outform", "DER"],
            input=public.encode(),
            capture_output=True,
            check=True,
        ).stdout
        return hashlib.sha256(der).hexdigest()

    def server_files(self, name: str = "server", *, mutual: bool = False) -> TLSFiles:
        """What a TLS listener needs, and with `mutual` a client certificate that it demands."""
        cert, key = self.issue(name)
        if not mutual:
            return TLSFiles(cert, key, self.cert)
        return TLSFiles(cert, key, self.cert, *self.issue("client", client=True))


def credentials(files: TLSFiles) -> grpc.ChannelCredentials:
    """A gRPC client's side of `files`."""
    client_key = files.client_key.read_bytes() if files.client_key else None
    client_cert = files.client_cert.read_bytes() if files.client_cert else None
    return grpc.ssl_channel_credentials(files.ca.read_bytes(), client_key, client_cert)


def serial(cert: Path) -> str:
    """A certificate's serial number in hex."""
    return _openssl("x509", "-in", cert, "-noout", "-serial").strip().removeprefix("serial=")


def _openssl(*words: object) -> str:
    command = ["openssl", *(str(word) for word in words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return done.stdout
