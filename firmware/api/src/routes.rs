//! The operations under `/api/v1`, one module per object. The OpenAPI document is made from the same declarations.

mod alarms;
mod audio_files;
mod audit;
mod backups;
mod bans;
mod calendars;
mod calls;
mod catalogue;
mod companies;
mod company;
mod conference_rooms;
mod configuration;
mod e1_trunks;
mod events;
mod extensions;
mod factory_reset;
mod feature_codes;
mod fleet;
mod gateway;
mod lines;
mod metrics;
mod music_classes;
mod network;
mod notices;
mod queues;
mod recordings;
mod self_check;
mod session;
mod setup;
mod simulate;
mod sip_settings;
mod storage;
mod supervision;
mod support;
mod tables;
mod tokens;
mod toll_settings;
mod trunks;
mod update;
mod users;
mod verified_numbers;
mod versions;
mod voicedrop;
mod voicemail;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::document::{BASE, Frame, open_extended};
use crate::problem::Problem;

/// All operations, below [`BASE`].
pub fn api() -> OpenApiRouter<App> {
    let operations = OpenApiRouter::default()
        .routes(routes!(gateway::status))
        .routes(routes!(gateway::countries))
        .routes(routes!(gateway::openapi))
        .routes(routes!(gateway::system))
        .routes(routes!(self_check::check_itself))
        .routes(routes!(fleet::show_fleet, fleet::change_fleet))
        .routes(routes!(fleet::ask_fleet))
        .routes(routes!(update::show_update))
        .routes(routes!(update::send_update, update::discard_update))
        .routes(routes!(update::install_update))
        .routes(routes!(update::restart_for_update, update::keep_running))
        .routes(routes!(update::go_back))
        .routes(routes!(update::acknowledge_update))
        .routes(routes!(setup::set_up))
        .routes(routes!(
            session::show_session,
            session::log_in,
            session::log_out
        ))
        .routes(routes!(session::change_own_password))
        .routes(routes!(company::show_company, company::change_company))
        .routes(routes!(
            companies::list_companies,
            companies::create_company
        ))
        .routes(routes!(
            companies::show_company_on_gateway,
            companies::replace_company,
            companies::delete_company
        ))
        .routes(routes!(
            feature_codes::show_feature_codes,
            feature_codes::change_feature_codes,
            feature_codes::reset_feature_codes
        ))
        .routes(routes!(
            sip_settings::show_sip_settings,
            sip_settings::change_sip_settings
        ))
        .routes(routes!(
            toll_settings::show_toll_settings,
            toll_settings::change_toll_settings
        ))
        .routes(routes!(
            extensions::list_extensions,
            extensions::create_extension
        ))
        .routes(routes!(
            extensions::show_extension,
            extensions::change_extension,
            extensions::delete_extension
        ))
        .routes(routes!(extensions::renew_secret))
        .routes(routes!(tables::import_extensions))
        .routes(routes!(tables::export_extensions))
        .routes(routes!(tables::import_numbers))
        .routes(routes!(tables::export_numbers))
        .routes(routes!(trunks::read_legacy_text))
        .routes(routes!(trunks::list_trunks, trunks::create_trunk))
        .routes(routes!(
            trunks::show_trunk,
            trunks::change_trunk,
            trunks::delete_trunk
        ))
        .routes(routes!(
            e1_trunks::list_e1_trunks,
            e1_trunks::create_e1_trunk
        ))
        .routes(routes!(
            e1_trunks::show_e1_trunk,
            e1_trunks::change_e1_trunk,
            e1_trunks::delete_e1_trunk
        ))
        .routes(routes!(e1_trunks::list_signals))
        .routes(routes!(e1_trunks::list_e1_messages))
        .routes(routes!(e1_trunks::list_spans))
        .routes(routes!(e1_trunks::list_r2_variants))
        .routes(routes!(
            lines::show_line_settings,
            lines::change_line_settings
        ))
        .routes(routes!(
            lines::test_line,
            lines::show_line_test,
            lines::stop_line_test
        ))
        .routes(routes!(
            audio_files::list_audio_files,
            audio_files::upload_audio_file
        ))
        .routes(routes!(audio_files::speak_audio_file))
        .routes(routes!(audio_files::preview_speech))
        .routes(routes!(
            audio_files::show_audio_file,
            audio_files::change_audio_file,
            audio_files::delete_audio_file
        ))
        .routes(routes!(
            audio_files::hear_audio_file,
            audio_files::replace_sound
        ))
        .routes(routes!(
            music_classes::list_music_classes,
            music_classes::create_music_class
        ))
        .routes(routes!(
            music_classes::show_music_class,
            music_classes::change_music_class,
            music_classes::delete_music_class
        ))
        .merge(catalogue::operations())
        .routes(routes!(notices::list_deliveries))
        .routes(routes!(notices::replay_delivery))
        .routes(routes!(notices::test_webhook))
        .routes(routes!(notices::renew_webhook_secret))
        .routes(routes!(notices::test_mail_server))
        .routes(routes!(notices::test_text_gateway))
        .routes(routes!(calendars::list_holiday_countries))
        .routes(routes!(calendars::show_calendar_days))
        .routes(routes!(calendars::read_holiday_file))
        .routes(routes!(simulate::simulate_call))
        .routes(routes!(queues::list_queue_status))
        .routes(routes!(queues::show_queue_status))
        .routes(routes!(queues::reset_queue))
        .routes(routes!(queues::list_queue_callbacks))
        .routes(routes!(queues::cancel_queue_callback))
        .routes(routes!(queues::list_agents))
        .routes(routes!(queues::show_agent))
        .routes(routes!(queues::log_agent_in))
        .routes(routes!(queues::log_agent_out))
        .routes(routes!(queues::pause_agent))
        .routes(routes!(queues::resume_agent))
        .routes(routes!(queues::list_agent_intervals))
        .routes(routes!(users::list_users, users::create_user))
        .routes(routes!(
            users::show_user,
            users::change_user,
            users::delete_user
        ))
        .routes(routes!(verified_numbers::state_verified_number))
        .routes(routes!(verified_numbers::tell_verification_code))
        .routes(routes!(verified_numbers::enter_verification_code))
        .routes(routes!(verified_numbers::forget_verified_number))
        .routes(routes!(calls::list_registrations))
        .routes(routes!(bans::list_bans))
        .routes(routes!(bans::lift_ban))
        .routes(routes!(calls::list_active_calls))
        .routes(routes!(calls::hang_up))
        .routes(routes!(calls::list_calls, calls::make_call))
        .routes(routes!(calls::export_calls))
        .routes(routes!(recordings::order_recording))
        .routes(routes!(supervision::supervise_call))
        .routes(routes!(voicedrop::leave_message))
        .routes(routes!(recordings::list_recordings))
        .routes(routes!(
            recordings::show_recording,
            recordings::delete_recording
        ))
        .routes(routes!(recordings::recording_audio))
        .routes(routes!(recordings::recording_waveform))
        .routes(routes!(recordings::recording_accesses))
        .routes(routes!(
            recordings::show_recording_settings,
            recordings::change_recording_settings
        ))
        .routes(routes!(voicemail::list_messages))
        .routes(routes!(
            voicemail::show_message,
            voicemail::change_message,
            voicemail::delete_message
        ))
        .routes(routes!(voicemail::message_audio))
        .routes(routes!(voicemail::message_accesses))
        .routes(routes!(
            voicemail::show_voicemail_settings,
            voicemail::replace_voicemail_settings
        ))
        .routes(routes!(conference_rooms::list_active_conferences))
        .routes(routes!(conference_rooms::lock_conference))
        .routes(routes!(
            conference_rooms::change_member,
            conference_rooms::remove_member
        ))
        .routes(routes!(alarms::list_alarms))
        .routes(routes!(storage::show_storage))
        .routes(routes!(storage::create_backup))
        .routes(routes!(storage::acknowledge_recovery))
        .routes(routes!(backups::list_backups, backups::make_backup))
        .routes(routes!(backups::stream_backup))
        .routes(routes!(backups::upload_backup))
        .routes(routes!(backups::download_backup, backups::delete_backup))
        .routes(routes!(backups::check_backup))
        .routes(routes!(backups::restore_backup))
        .routes(routes!(
            backups::show_backup_schedule,
            backups::change_backup_schedule
        ))
        .routes(routes!(backups::make_backup_key))
        .routes(routes!(factory_reset::reset_to_factory))
        .routes(routes!(metrics::metrics))
        .routes(routes!(support::support_bundle))
        .routes(routes!(network::show_network, network::try_network))
        .routes(routes!(network::confirm_network))
        .routes(routes!(network::revert_network))
        .routes(routes!(network::acknowledge_network))
        .routes(routes!(events::events))
        .routes(routes!(tokens::list_tokens, tokens::create_token))
        .routes(routes!(tokens::delete_token))
        .routes(routes!(audit::list_audit_log))
        .routes(routes!(audit::export_audit_log))
        .routes(routes!(configuration::export_configuration))
        .routes(routes!(configuration::import_configuration))
        .routes(routes!(versions::list_versions))
        .routes(routes!(versions::show_version))
        .routes(routes!(versions::undo_version))
        .routes(routes!(versions::list_drafts, versions::create_draft))
        .routes(routes!(versions::show_draft, versions::discard_draft))
        .routes(routes!(versions::activate_draft));
    let mut api = OpenApiRouter::with_openapi(Frame::openapi()).nest(BASE, operations);
    open_extended(api.get_openapi_mut());
    crate::permit::declare(api.get_openapi_mut());
    api
}

/// The number at the end of an object's path. Anything that is not a number names no object.
struct ObjectId(i64);

impl<S: Send + Sync> FromRequestParts<S> for ObjectId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id: Result<Path<i64>, PathRejection> = Path::from_request_parts(parts, state).await;
        id.map(|Path(id)| Self(id))
            .map_err(|_| Problem::not_found("An object's id is a number."))
    }
}

/// 404 for an object that is not there (any more).
fn no_such(kind: &str, id: impl std::fmt::Display) -> Problem {
    Problem::not_found(format!("There is no {kind} {id}."))
}
