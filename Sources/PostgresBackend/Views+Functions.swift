extension Views {
    /// What the views call, and people may call too: both answer for whatever bytes there are.
    ///
    /// They catch errors, which takes a subtransaction; so they are not safe in parallel queries,
    /// which is what functions are unless they say otherwise.
    static let functions = """
        CREATE OR REPLACE FUNCTION as_text(bytes bytea) RETURNS text
            LANGUAGE plpgsql IMMUTABLE STRICT AS $body$
        DECLARE
            escaped CONSTANT text := pg_catalog.encode(bytes, 'escape');
        BEGIN
            -- Nothing had to be escaped: it is ASCII without zeros and backslashes.
            IF pg_catalog.length(escaped) = pg_catalog.length(bytes) THEN RETURN escaped; END IF;
            BEGIN
                RETURN pg_catalog.convert_from(bytes, 'UTF8');
            EXCEPTION WHEN data_exception THEN
                RETURN escaped;
            END;
        END $body$;

        CREATE OR REPLACE FUNCTION as_json(bytes bytea) RETURNS jsonb
            LANGUAGE plpgsql IMMUTABLE STRICT AS $body$
        BEGIN
            IF pg_catalog.substring(bytes, 1, 1) <> '\\x7b'::bytea THEN RETURN NULL; END IF;
            RETURN pg_catalog.convert_from(bytes, 'UTF8')::pg_catalog.jsonb;
        EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
            RETURN NULL;
        END $body$;

        COMMENT ON FUNCTION as_text(bytea) IS
            'bytes as text; those that are no UTF-8 with \\ooo for each that is no ASCII';
        COMMENT ON FUNCTION as_json(bytea) IS
            'an object of JSON; NULL for other bytes, and for what jsonb cannot hold';
        """
}
