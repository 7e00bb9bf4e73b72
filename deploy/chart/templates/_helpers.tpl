{{- define "byre.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "byre.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "byre.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What tells the pods of one component from all others; never changes. */}}
{{- define "byre.selectorLabels" -}}
app.kubernetes.io/name: {{ include "byre.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "byre.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "byre.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: byre
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "byre.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "byre.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "byre.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "byre.controllerServiceAccountName" -}}
{{- if .Values.controller.serviceAccount.create -}}
{{- default (printf "%s-controller" (include "byre.fullname" .)) .Values.controller.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.controller.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The URL by which clients in the cluster reach the server. */}}
{{- define "byre.host" -}}
{{- printf "%s.%s.svc" (include "byre.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* Whether cert-manager is to make an authority, too. */}}
{{- define "byre.makesAuthority" -}}
{{- if and .Values.tls.certManager.enabled (not .Values.tls.certManager.issuerRef.name) -}}true{{- end -}}
{{- end -}}

{{- define "byre.serverSecret" -}}
{{- if .Values.tls.certManager.enabled -}}
{{- printf "%s-server" (include "byre.fullname" .) -}}
{{- else -}}
{{- required "tls.serverSecret: name a Secret with tls.crt and tls.key, or enable tls.certManager" .Values.tls.serverSecret -}}
{{- end -}}
{{- end -}}

{{/* Whose ca.crt vouches for clients. */}}
{{- define "byre.authoritySecret" -}}
{{- if .Values.tls.authoritySecret -}}
{{- .Values.tls.authoritySecret -}}
{{- else if .Values.tls.certManager.enabled -}}
{{- include "byre.serverSecret" . -}}
{{- else -}}
{{- required "tls.authoritySecret: name a Secret with ca.crt, or enable tls.certManager" .Values.tls.authoritySecret -}}
{{- end -}}
{{- end -}}

{{/* Whose tls.key signs for tenants. */}}
{{- define "byre.signingSecret" -}}
{{- if .Values.tls.signingSecret -}}
{{- .Values.tls.signingSecret -}}
{{- else if include "byre.makesAuthority" . -}}
{{- printf "%s-ca" (include "byre.fullname" .) -}}
{{- else -}}
{{- required "tls.signingSecret: the controller and Kamaji sign with an authority's tls.crt and tls.key" .Values.tls.signingSecret -}}
{{- end -}}
{{- end -}}

{{- define "byre.administratorSecret" -}}
{{- if .Values.tls.administratorSecret -}}
{{- .Values.tls.administratorSecret -}}
{{- else if .Values.tls.certManager.enabled -}}
{{- printf "%s-controller" (include "byre.fullname" .) -}}
{{- else -}}
{{- required "tls.administratorSecret: the controller needs a certificate of an administrator" .Values.tls.administratorSecret -}}
{{- end -}}
{{- end -}}

{{- define "byre.kamajiSecret" -}}
{{- if .Values.kamaji.clientSecret -}}
{{- .Values.kamaji.clientSecret -}}
{{- else if .Values.tls.certManager.enabled -}}
{{- printf "%s-kamaji" (include "byre.fullname" .) -}}
{{- else -}}
{{- required "kamaji.clientSecret: Kamaji needs a certificate whose common name is root" .Values.kamaji.clientSecret -}}
{{- end -}}
{{- end -}}

{{/* The file of "byre serve --config". */}}
{{- define "byre.config" -}}
{{- $tls := dict "certificate" "/etc/byre/server/tls.crt" "key" "/etc/byre/server/tls.key" "clientCA" "/etc/byre/authority/ca.crt" -}}
{{- $store := dict "name" "main" -}}
{{- if eq .Values.store.type "sqlite" -}}
{{- $_ := set $store "url" "sqlite:///var/lib/byre/byre.db" -}}
{{- else -}}
{{- $_ := set $store "urlFile" "/etc/byre/store/url" -}}
{{- $_ := set $store "connections" (int .Values.store.postgresql.connections) -}}
{{- end -}}
{{- $listener := dict "url" (printf "https://%s:2379" .Values.bindAddress) "tls" $tls "tenant" (dict "from" .Values.tenants.from) -}}
{{- $config := dict
  "stores" (list $store)
  "listeners" (list $listener)
  "metrics" (list (dict "url" (printf "http://%s:2381" .Values.bindAddress)))
  "advertiseClientURLs" (list (printf "https://%s:%d" (include "byre.host" .) (int .Values.service.port)))
  "quotaBackendBytes" .Values.tenants.quotaBytes
  "autoCompaction" (dict "retention" (toString .Values.tenants.autoCompactionRetention)) -}}
{{- $administrators := list -}}
{{- if .Values.controller.enabled -}}
{{- $_ := set $config "admin" (dict "url" (printf "https://%s:2390" .Values.bindAddress) "tls" $tls) -}}
{{- $administrators = append $administrators (dict "name" "controller" "uriSAN" "urn:byre:administrator") -}}
{{- else -}}
{{- $_ := set $config "admin" (dict "url" "unix:/run/byre/admin.sock") -}}
{{- end -}}
{{- if .Values.kamaji.enabled -}}
{{- $administrators = append $administrators (dict "name" "kamaji" "commonName" "root") -}}
{{- end -}}
{{- if $administrators -}}
{{- $_ := set $config "administrators" $administrators -}}
{{- end -}}
{{- toYaml (mergeOverwrite $config (deepCopy .Values.settings)) -}}
{{- end -}}

{{/* The pods of the server, as a template for a StatefulSet or a Deployment. */}}
{{- define "byre.pod" -}}
metadata:
  annotations:
    checksum/config: {{ include "byre.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "byre.labels" (dict "root" . "component" "server") | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "byre.serviceAccountName" . }}
  automountServiceAccountToken: false
  # Variables such as BYRE_PORT would be taken for settings.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if eq .Values.store.type "postgresql" }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "byre.selectorLabels" (dict "root" $ "component" "server") | nindent 10 }}
    {{- end }}
  {{- end }}
  containers:
    - name: byre
      image: {{ include "byre.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve, --config, /etc/byre/config/byre.yaml]
      ports:
        - {name: client, containerPort: 2379}
        - {name: metrics, containerPort: 2381}
        {{- if .Values.controller.enabled }}
        - {name: admin, containerPort: 2390}
        {{- end }}
      # Connections are accepted when the store is read: until then neither of the others counts.
      startupProbe:
        httpGet: {path: /readyz, port: metrics}
        periodSeconds: 5
        failureThreshold: {{ .Values.startupProbeFailures }}
      livenessProbe:
        httpGet: {path: /livez, port: metrics}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: metrics}
        periodSeconds: 5
        timeoutSeconds: 5
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/byre/config, readOnly: true}
        - {name: server, mountPath: /etc/byre/server, readOnly: true}
        - {name: authority, mountPath: /etc/byre/authority, readOnly: true}
        - {name: run, mountPath: /run/byre}
        {{- if eq .Values.store.type "sqlite" }}
        - {name: data, mountPath: /var/lib/byre}
        {{- else }}
        - {name: store, mountPath: /etc/byre/store, readOnly: true}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "byre.fullname" . }}
    - name: server
      secret:
        secretName: {{ include "byre.serverSecret" . }}
        defaultMode: 0440
        items:
          - {key: tls.crt, path: tls.crt}
          - {key: tls.key, path: tls.key}
    - name: authority
      secret:
        secretName: {{ include "byre.authoritySecret" . }}
        defaultMode: 0440
        items:
          - {key: ca.crt, path: ca.crt}
    # Sockets.
    - name: run
      emptyDir:
        medium: Memory
        sizeLimit: 1Mi
    {{- if eq .Values.store.type "postgresql" }}
    - name: store
      secret:
        secretName: {{ required "store.postgresql.existingSecret: name a Secret with the database's URL" .Values.store.postgresql.existingSecret }}
        defaultMode: 0440
        items:
          - {key: {{ .Values.store.postgresql.key }}, path: url}
    {{- else if .Values.store.sqlite.persistence.existingClaim }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ .Values.store.sqlite.persistence.existingClaim }}
    {{- end }}
{{- end -}}
